import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { projectRoot, suitesDirectory } from './paths.ts';

const run = promisify(execFile);

/** Builds the product the way it is shipped. */
export async function buildProduct(): Promise<void> {
  await run(process.execPath, ['esbuild.config.mjs'], { cwd: projectRoot });
}

/** Bundles the suites to CommonJS, which is what the extension host requires. */
export async function buildSuites(): Promise<void> {
  await rm(suitesDirectory, { recursive: true, force: true });
  await build({
    entryPoints: globSync('test/vscode/suites/*.ts', { cwd: projectRoot }).map((file) => join(projectRoot, file)),
    outdir: suitesDirectory,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // Mocha finds its reporters by path, so it stays a module of its own.
    external: ['vscode', 'mocha'],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
}
