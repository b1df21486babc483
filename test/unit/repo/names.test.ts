import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { peerNamespace } from '../../../extension/src/p2p/repo/peer-namespace.ts';
import { peerRefs } from '../../../extension/src/p2p/repo/peer-refs.ts';
import { refNameProblem } from '../../../extension/src/p2p/repo/ref-name.ts';
import { sensitivePaths } from '../../../extension/src/p2p/repo/sensitive-paths.ts';
import type { Oid, PeerId, RefName } from '../../../extension/src/shared/ids.ts';

const OID = '1'.repeat(40) as Oid;
const ALICE = `SHA256:Ab+/${'x'.repeat(39)}` as PeerId;

describe('a namespace', () => {
  it.each([
    ['Bob Müller', 'bob-muller'],
    ['  alice ', 'alice'],
    ['../../etc/passwd', 'etc-passwd'],
    ['HEAD.lock', 'head-lock'],
    ['Straße 7', 'strasse-7'],
    ['ada@example.org', 'ada-example-org'],
  ])('%j becomes %j', (name, expected) => expect(peerNamespace(name, ALICE, new Set())).toBe(expected));

  it.each(['', '日本', '🎉', 'con', '---'])('%j is told apart by the fingerprint', (name) => {
    expect(peerNamespace(name, ALICE, new Set())).toMatch(/^(?:peer|con)-abxxxx$/);
  });

  it('two peers of one name get different namespaces, the same each time', () => {
    const taken = new Set(['bob', 'bob-abxxxx']);
    expect(peerNamespace('Bob', ALICE, taken)).toBe('bob-abxxxxxxxx');
    expect(peerNamespace('Bob', ALICE, taken)).toBe(peerNamespace('bob', ALICE, taken));
  });

  it('is always one safe component', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const namespace = peerNamespace(name, ALICE, new Set());
        expect(namespace).toMatch(/^[a-z0-9][a-z0-9-]*$/);
        expect(refNameProblem(`refs/remotes/peers/${namespace}/main`)).toBeUndefined();
      }),
    );
  });
});

describe('a ref name', () => {
  it.each(['refs/heads/main', 'refs/heads/feature/x-1', 'refs/tags/v1.0', 'refs/heads/日本語', 'refs/heads/@'])(
    '%j is taken',
    (ref) => expect(refNameProblem(ref)).toBeUndefined(),
  );

  it.each([
    'refs/heads/',
    'refs/heads/a//b',
    'refs/heads/.hidden',
    'refs/heads/a..b',
    'refs/heads/a.lock',
    'refs/heads/a.lock/b',
    'refs/heads/a.',
    'refs/heads/a b',
    'refs/heads/a\u007f',
    'refs/heads/a\n',
    'refs/heads/a~1',
    'refs/heads/a^',
    'refs/heads/a:b',
    'refs/heads/a?',
    'refs/heads/a*',
    'refs/heads/a[b',
    'refs/heads/a\\b',
    'refs/heads/a@{1}',
    'refs/heads/-rf',
    'refs/heads/HEAD',
    'refs/heads/\ud800',
    `refs/heads/${'x'.repeat(251)}`,
    `refs/heads/${'xx/'.repeat(400)}x`,
  ])('%j is refused', (ref) => expect(refNameProblem(ref)).toBeTypeOf('string'));
});

const mapped = (...names: string[]): Map<string, string> => {
  const refs = new Map(names.map((name) => [`refs/heads/${name}` as RefName, OID]));
  const { refs: result } = peerRefs('p', refs);
  return new Map([...result].map(([ref, { source }]) => [source.slice('refs/heads/'.length), ref]));
};

describe("[SY3] a peer's branches", () => {
  const at = (name: string): string => `refs/remotes/peers/p/${name}`;

  it('keep their names where nothing speaks against it', () => {
    for (const [source, ref] of mapped('main', 'Feature/One', 'feature-two', 'ünïcode')) expect(ref).toBe(at(source));
  });

  it.each([
    ['differ by case', ['topic', 'Topic', 'TOPIC']],
    ['differ by normalisation', ['caf\u00e9', 'cafe\u0301']],
    ['differ by the case of a folder', ['dir/a', 'Dir/b']],
    ['are a file and a folder', ['topic', 'Topic/x', 'topic/y']],
  ])('that %s are kept apart', (_how, names) => {
    const refs = [...mapped(...names).values()].map((ref) => ref.normalize('NFC').toLowerCase());
    expect(new Set(refs).size).toBe(names.length);
    for (const ref of refs) for (const other of refs) expect(other.startsWith(`${ref}/`)).toBe(false);
  });

  it('do not depend on their order', () => {
    const names = ['topic', 'Topic', 'topic/x', 'main'];
    expect(new Map([...mapped(...names)].sort())).toEqual(new Map([...mapped(...names.reverse())].sort()));
  });

  it.each(['con', 'a/NUL.txt', 'x\u202ey', 'a\u200bb', 'a<b', 'a"b', 'x./y', 'l'.repeat(240)])(
    '%j is made safe',
    (name) => {
      const ref = mapped(name).get(name) ?? '';
      expect(ref).not.toBe(at(name));
      expect(ref).toMatch(/-[0-9a-f]{8}/);
      expect(refNameProblem(ref)).toBeUndefined();
      expect(ref).not.toMatch(/[\p{Cf}"<>|]/u);
    },
  );

  it('whatever they are called, get distinct valid refs, or are refused', () => {
    const component = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.constantFrom('a', 'A', 'é', 'e\u0301', 'con', '..', 'x.lock'),
    );
    const name = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 8 }), (names) => {
        const input = new Map(names.map((each) => [`refs/heads/${each}` as RefName, OID]));
        const { refs, refused } = peerRefs('p', input);
        expect(refs.size + refused.length).toBe(names.length);
        const folded = [...refs.keys()].map((ref) => ref.normalize('NFC').toLowerCase());
        expect(new Set(folded).size).toBe(refs.size);
        for (const ref of refs.keys()) {
          expect(refNameProblem(ref)).toBeUndefined();
          expect(ref.startsWith('refs/remotes/peers/p/')).toBe(true);
        }
        for (const ref of folded) expect(folded.some((other) => other.startsWith(`${ref}/`))).toBe(false);
      }),
    );
  });
});

describe('[SY6] paths that run code on open', () => {
  it.each([
    '.vscode/tasks.json',
    'sub/.VSCode/settings.json',
    'x.code-workspace',
    '.devcontainer/devcontainer.json',
    '.devcontainer.json',
    '.husky/pre-commit',
    '.githooks/post-checkout',
    '.envrc',
    '.lfsconfig',
    'scripts/hooks/pre-push',
    'lefthook.yml',
  ])('%s waits', (path) => expect(sensitivePaths([path])).toEqual([path]));

  it.each(['src/vscode/a.ts', 'README.md', 'vscode.json', 'docs/devcontainer.md', '.gitignore'])(
    '%s does not',
    (path) => {
      expect(sensitivePaths([path])).toEqual([]);
    },
  );

  it("so does the repository's own hooks folder, wherever it is", () => {
    expect(sensitivePaths(['tools/Git/pre-commit', 'tools/gitx'], 'tools/git')).toEqual(['tools/Git/pre-commit']);
  });
});
