import { describe, expect, it } from 'vitest';
import { userNameIn } from '../../extension/src/git-config.ts';

describe('user.name in a git configuration file', () => {
  it.each([
    ['plain', '[user]\n\tname = Ada Lovelace\n\temail = a@example.org\n', 'Ada Lovelace'],
    ['quoted', '[user]\nname="Ada L."\n', 'Ada L.'],
    ['brackets in the value', '[user]\n  name = Ada [she]\n', 'Ada [she]'],
    ['not the name of another section', '[includeIf "x"]\n name = No\n[core]\n name = No\n', undefined],
    ['the last of several, on Windows', '[user]\r\nname = One\r\n[core]\r\n[USER]\r\nName = Two\r\n', 'Two'],
    ['empty', '[user]\n name =\n', undefined],
  ])('%s', (_case, text, name) => {
    expect(userNameIn(text)).toBe(name);
  });
});
