import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { limitOptions, limitsFrom } from '../../../server/limit-options.ts';
import { DEFAULT_LIMITS, LIMITS } from '../../../server/options.ts';
import { shownLimit } from './shown-limit.ts';

const document = readFileSync(resolve(import.meta.dirname, '../../../docs/SERVER.md'), 'utf8');
/** Cells without the padding that makes a table readable. */
const rows = document.split('\n').map((line) => line.replaceAll(/ *\| */g, '|'));

describe('docs/SERVER.md', () => {
  it.each(Object.values(LIMITS))('has --$flag with its default', (limit) => {
    expect(rows).toContain(`|\`--${limit.flag}\`|${shownLimit(limit)}|${limit.about}|`);
  });
});

describe('the options of limits', () => {
  it('have the defaults', () => {
    const flags = Object.fromEntries(limitOptions().map((option) => [option.attributeName(), option.defaultValue]));
    expect(limitsFrom(flags)).toEqual(DEFAULT_LIMITS);
  });

  const parse = (flag: string, text: string): unknown =>
    limitOptions()
      .find(({ long }) => long === `--${flag}`)
      ?.parseArg?.(text, undefined);

  it('are seconds where people write them, and milliseconds inside', () => {
    expect(parse('ping-seconds', '2.5')).toBe(2_500);
    expect(parse('drain-seconds', '0')).toBe(0);
  });

  it.each([
    ['max-connections', '0'],
    ['max-connections', '-1'],
    ['max-connections', '1.5'],
    ['max-connections', '1e3'],
    ['max-connections', ''],
    ['max-message-bytes', '65537'],
    ['max-peers-per-room', '501'],
    ['ping-seconds', '0'],
    ['ping-seconds', '3000000'],
    ['ping-seconds', 'soon'],
  ])('refuse --%s %j', (flag, text) => {
    expect(() => parse(flag, text)).toThrow('It is a number');
  });
});
