import { describe, expect, it } from 'vitest';
import { plain } from '../../../extension/src/views/plain-text.ts';

describe('[ED5] text of peers is never markup', () => {
  it('leaves ordinary names alone, in any script', () => {
    for (const name of ['Ada Lovelace', 'Ægir', '李雷', 'feature/login', '👩‍👩‍👧 team', 'a_b-c.d (old) [x]'])
      expect(plain(name)).toBe(name);
  });

  it('keeps `$(icon)` from becoming an icon', () => {
    expect(plain('$(verified) Host')).not.toMatch(/\$\(/);
    expect(plain('$(verified) Host').replaceAll('\u200b', '')).toBe('$(verified) Host');
  });

  it('keeps `[text](command:…)` from becoming a link', () => {
    expect(plain('[Allow](command:peerweave.allow)')).not.toMatch(/\]\(/);
  });

  it('does not build markup by removing what stood in between', () => {
    expect(plain('$\u0000(x) ]\u202e(command:y)')).not.toMatch(/\$\(|\]\(/);
  });

  it('drops controls, direction overrides and invisible characters, and keeps to one line', () => {
    expect(plain('evil\u202egpj.exe')).toBe('evilgpj.exe');
    expect(plain('two\nlines\tand\u0007 a bell')).toBe('two lines and a bell');
    expect(plain('a\u200b\u00ad\ufeffb')).toBe('ab');
  });

  it('shortens in the middle, and never inside a character', () => {
    const short = plain(`${'a'.repeat(80)}/${'b'.repeat(20)}`, 30);
    expect(short).toHaveLength(30);
    expect(short).toMatch(/^a+….*b$/);
    expect(plain('👩‍👩‍👧'.repeat(40), 10)).toBe(`${'👩‍👩‍👧'.repeat(6)}…${'👩‍👩‍👧'.repeat(3)}`);
  });
});
