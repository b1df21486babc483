const POLL_MS = 50;

/** Resolves when `holds` does; throws after `timeoutMs`. For what no event tells the test of, such as files on disk. */
export async function until(holds: () => boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`Not true after ${timeoutMs} ms: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
