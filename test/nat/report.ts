import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';

const FOLDER = resolve(import.meta.dirname, '../../test-results');
const FILE = join(FOLDER, 'nat.json');

/** Writes one part of `test-results/nat.json`, beside those that are there, with how busy the machine was. */
export function report(part: 'grid' | 'conditions', results: readonly unknown[]): void {
  mkdirSync(FOLDER, { recursive: true });
  const [load = 0] = loadavg();
  writeFileSync(FILE, `${JSON.stringify({ ...before(), [part]: { load, results } }, undefined, 1)}\n`);
}

function before(): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Lines with columns of equal width, the first line underlined. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const [head = '', ...body] = lines;
  return [head, widths.map((width) => '-'.repeat(width)).join('  '), ...body].join('\n');
}
