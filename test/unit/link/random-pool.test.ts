import { SshAlgorithms } from '@microsoft/dev-tunnels-ssh';
import { expect, it } from 'vitest';
import { RandomPool } from '../../../extension/src/p2p/link/random-pool.ts';
import { createSshConfiguration } from '../../../extension/src/p2p/link/ssh-config.ts';

/** So many that no two are ever the same by chance. */
const BYTES = 12;

it('never gives the same bytes twice, and fills all that is asked for', () => {
  const pool = new RandomPool();
  const seen = new Set<string>();
  for (const size of [...Array<number>(3_000).fill(BYTES), 4_096, 4_097, BYTES, 100_000]) {
    const bytes = Buffer.alloc(size);
    pool.getBytes(bytes);
    seen.add(bytes.toString('hex'));
    expect(bytes.subarray(-BYTES)).not.toEqual(Buffer.alloc(BYTES));
  }
  expect(seen.size).toBe(3_004);
});

it('is where SSH has its padding from', () => {
  createSshConfiguration();
  expect(SshAlgorithms.random).toBeInstanceOf(RandomPool);
});
