/** The environment variables that say which proxy to use, as curl reads them. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/** The proxy to tunnel through on the way to `url`, by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`. */
export function proxyFor(url: URL, env: ProxyEnvironment): URL | undefined {
  const named = (name: string): string => (env[name.toLowerCase()] ?? env[name] ?? '').trim();
  const proxy = named(url.protocol === 'wss:' ? 'HTTPS_PROXY' : 'HTTP_PROXY') || named('ALL_PROXY');
  if (proxy === '' || isExempt(url, named('NO_PROXY'))) return undefined;
  try {
    const parsed = new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
    return parsed.protocol === 'http:' || parsed.protocol === 'https:' ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** The port that `url` means, written or not. */
export const portOf = (url: URL): number =>
  url.port !== '' ? Number(url.port) : url.protocol === 'wss:' || url.protocol === 'https:' ? 443 : 80;

/** An IPv6 address in a URL stands in brackets, and nowhere else. */
export const bareHost = (host: string): string => host.replace(/^\[|\]$/g, '');

/** `NO_PROXY`: names and addresses parted by commas or spaces, with their subdomains, each with a port or without, or `*` for all. */
function isExempt(url: URL, noProxy: string): boolean {
  const host = bareHost(url.hostname);
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const { name, port } = splitPort(entry);
      if (port !== undefined && port !== portOf(url)) return false;
      const domain = bareHost(name).replace(/^\*?\./, '');
      return domain !== '' && (host === domain || host.endsWith(`.${domain}`));
    });
}

/** `example.org:8080`, `[::1]:8080`; an address without brackets has colons of its own and no port. */
function splitPort(entry: string): { name: string; port?: number } {
  const [, name, port] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  return name === undefined ? { name: entry } : { name, port: Number(port) };
}
