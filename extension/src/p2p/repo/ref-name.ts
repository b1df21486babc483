/** Git's own limit is the file system's: a component becomes a file name, and `.lock` is added to it while it is written. */
const MAX_COMPONENT_BYTES = 250;
const MAX_REF_BYTES = 1000;

/**
 * Why a full ref name (`refs/heads/x`) is not valid, by the rules of git-check-ref-format(1) and the limits above; undefined
 * when it is.
 */
export function refNameProblem(ref: string): string | undefined {
  if (Buffer.byteLength(ref) > MAX_REF_BYTES) return `longer than ${MAX_REF_BYTES} bytes`;
  if (!ref.isWellFormed()) return 'not valid Unicode';

  if (/[\0-\x20\x7f]/.test(ref)) return 'holds a space or a control character';
  if (/[~^:?*[\\]/.test(ref)) return 'holds one of ~ ^ : ? * [ \\';
  if (ref.includes('..')) return 'holds ..';
  if (ref.includes('@{')) return 'holds @{';
  if (ref.endsWith('.')) return 'ends with a dot';
  for (const component of ref.split('/')) {
    if (component === '') return 'has an empty component';
    if (component.startsWith('.')) return 'has a component that starts with a dot';
    if (component.endsWith('.lock')) return 'has a component that ends with .lock';
    if (Buffer.byteLength(component) > MAX_COMPONENT_BYTES)
      return `has a component longer than ${MAX_COMPONENT_BYTES} bytes`;
  }
  // `git checkout -x` would take it for an option, `HEAD` for the HEAD.
  const name = /^refs\/(?:heads|tags)\/(.*)$/.exec(ref)?.[1];
  if (name?.startsWith('-') === true) return 'starts with a dash';
  if (name === 'HEAD') return 'is HEAD';
  return undefined;
}
