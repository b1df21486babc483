import { describe, expect, it } from 'vitest';
import { A, B, CoreScript } from './core-script.ts';

describe('[SY8] tags travel and are never overwritten', () => {
  it('[SY8] one that is absent here is created, and asked for once', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    s.local({ main: c0! });
    s.up(A, B);
    s.announces(A, { main: c0!, 'tag:v1': c0! });
    expect(s.got('create-tag')).toEqual([{ type: 'create-tag', ref: 'refs/tags/v1', oid: c0, peer: A }]);
    s.announces(B, { main: c0!, 'tag:v1': c0! });
    s.local({ main: c0!, 'tag:v1': c0! });
    s.announces(A, { main: s.commit([c0!]), 'tag:v1': c0! });
    expect(s.every('create-tag')).toHaveLength(1);
  });

  it('[SY8] one of the same name elsewhere stays as it is', () => {
    const s = new CoreScript();
    const [c0, c1] = s.line(2);
    s.local({ main: c0!, 'tag:v1': c0! });
    s.up(A);
    s.announces(A, { main: c0!, 'tag:v1': c1! });
    expect(s.every('create-tag')).toEqual([]);
  });

  it('[SY8] [SY7] one that the user deleted is not made again, also after a restart, until it is here again', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    s.local({ main: c0!, 'tag:v1': c0! });
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c0!, 'tag:v1': c0! });
    s.restart();
    s.local({ main: c0! });
    s.up(A);
    expect(s.every('create-tag')).toEqual([]);
    s.local({ main: c0!, 'tag:v1': c0! });
    expect(s.core.persisted().deleted).toEqual([]);
  });

  it('[SY8] one that could not be made is asked for again when the peer comes back', () => {
    const s = new CoreScript();
    const [c0] = s.line(1);
    s.local({ main: c0! });
    s.up(A);
    s.announces(A, { main: c0!, 'tag:v1': c0! });
    s.feed({ type: 'peer-down', peer: A });
    s.up(A);
    expect(s.every('create-tag')).toHaveLength(2);
  });
});
