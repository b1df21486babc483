/** `ArrayBuffer.prototype.transfer`, which Node has from version 22 on. */
interface Transferable {
  transfer(length: number): ArrayBuffer;
}

/**
 * Gives the memory of `bytes` back now, if it is theirs alone; they are empty then. What passes through the pipe counts against the limits
 * of a small heap: left to the collector, it makes that run every few megabytes.
 */
export function giveBack(bytes: Uint8Array): void {
  const memory = bytes.buffer as Partial<Transferable>;
  if (bytes.byteLength === bytes.buffer.byteLength) memory.transfer?.(0);
}
