import { MemoryNetwork } from '../../extension/src/p2p/transport/memory.ts';
import type { Pipe } from '../../extension/src/p2p/transport/transport.ts';

/** Both ends of a pipe. */
export async function memoryPipes(): Promise<[Pipe, Pipe]> {
  const transport = new MemoryNetwork().transport();
  let far: Pipe | undefined;
  const listener = await transport.listen({ onPipe: (pipe) => (far = pipe) });
  const near = await transport.dial(listener.addresses[0]!);
  return [near, far!];
}

/** Keeps back what this end writes, until the result is called. */
export function keepBack({ stream }: Pipe): () => void {
  const write = stream.write.bind(stream) as (chunk: Buffer) => boolean;
  const kept: Buffer[] = [];
  stream.write = ((chunk: Buffer) => kept.push(chunk) > 0) as typeof stream.write;
  return () => {
    stream.write = write as typeof stream.write;
    for (const chunk of kept) write(chunk);
  };
}

/** Some turns of the loop: more than anything local takes that happens at all. */
export async function turns(count = 30): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
