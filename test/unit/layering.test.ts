import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
}

function violations(cwd: string, target: string): Violation[] {
  const cruiser = join(root, 'node_modules/.bin/depcruise');
  const config = join(root, '.dependency-cruiser.cjs');
  const arguments_ = ['--config', config, '--output-type', 'json', target];
  const output = execFileSync(cruiser, arguments_, { cwd, maxBuffer: 64 * 1024 * 1024 });
  return (JSON.parse(output.toString()) as { summary: { violations: Violation[] } }).summary.violations;
}

describe('layers', () => {
  let scratch: string | undefined;
  afterEach(() => {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  });

  it('holds: imports point down only', () => {
    expect(violations(root, 'extension').map(({ rule, from }) => `${rule.name}: ${from}`)).toEqual([]);
  });

  it('is able to fail: an upward import, Node in a pure layer and vscode in the engine are found', () => {
    scratch = mkdtempSync(join(root, '.layering-'));
    const write = (path: string, text: string): void => {
      const file = join(scratch ?? '', path);
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, text);
    };
    write('tsconfig.base.json', '{}');
    write('extension/src/p2p/link/upward.ts', "import '../session/session.ts';");
    write('extension/src/p2p/session/session.ts', "import 'vscode';");
    write('extension/src/shared/impure.ts', "import 'node:fs';");
    const found = violations(relative(process.cwd(), scratch) || scratch, 'extension').map(({ from }) => from);
    expect(found.sort()).toEqual([
      'extension/src/p2p/link/upward.ts',
      'extension/src/p2p/session/session.ts',
      'extension/src/shared/impure.ts',
    ]);
  });
});
