import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

/** Integration tests run the bundles that people run; vitest calls this once before them. */
export function setup(): void {
  const root = resolve(import.meta.dirname, '../..');
  execFileSync(process.execPath, ['esbuild.config.mjs'], { cwd: root, stdio: 'inherit' });
}
