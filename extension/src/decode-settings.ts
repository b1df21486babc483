import { settings, type Settings } from './rpc/contract.ts';

/** Reads the engine's settings out of whatever settings files hold: a value that the schema refuses counts as not set. */
export function decodeSettings(valueOf: (key: string) => unknown): Settings {
  const wanted = Object.entries(settings.shape).map(([key, schema]) => {
    const parsed = schema.safeParse(valueOf(key));
    return [key, parsed.success ? parsed.data : undefined] as const;
  });
  return settings.parse(Object.fromEntries(wanted));
}
