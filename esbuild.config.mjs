import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build, context } from 'esbuild';
import { copyNativeParts } from './scripts/native-parts.mjs';

/**
 * One bundle a process: only the extension may leave `vscode` to its host. `node esbuild.config.mjs [--watch] [--production]`.
 */
const production = process.argv.includes('--production');

const node = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap: production ? false : 'linked',
  minify: production,
  legalComments: 'none',
  logLevel: 'warning',
  // The ESM builds: the CommonJS UMD wrappers of the vscode-* packages hide their requires from bundlers.
  mainFields: ['module', 'main'],
  // It brings a binary for each platform, and finds it beside itself; see `scripts/native-parts.mjs`.
  external: ['node-datachannel'],
};

/** The SSH library reaches for `node-rsa` where Node cannot do RSA; our keys are ECDSA, and Node can do both. */
const withoutNodeRsa = {
  name: 'without-node-rsa',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node-rsa$/ }, () => ({ path: 'node-rsa', namespace: 'absent' }));
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: 'module.exports = undefined;' }));
  },
};

/** The library that searches routers reads its name and version from its package's description when it is loaded; here when it is bundled. */
const descriptionInlined = {
  name: 'description-inlined',
  setup: ({ onLoad }) => {
    onLoad({ filter: /@achingbrain[\\/]ssdp[\\/].*ssdp\.js$/ }, async ({ path }) => {
      const { name, version } = JSON.parse(await readFile(join(dirname(path), '../../package.json'), 'utf8'));
      const code = await readFile(path, 'utf8');
      return { contents: code.replace("req('../../package.json')", JSON.stringify({ name, version })), loader: 'js' };
    });
  },
};

/** `import('./deferred.ts')` stays an import, of the bundle beside this one, so that opening a window does not load it. */
const deferred = {
  name: 'deferred',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/deferred\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './deferred.cjs', external: true } : undefined,
    ),
};

// `require` in place of `import()`: the editor's loader gives `vscode` to what is required.
const editor = { ...node, external: ['vscode'], supported: { 'dynamic-import': false } };

const browser = {
  bundle: true,
  platform: 'browser',
  target: 'es2022',
  format: 'iife',
  sourcemap: production ? false : 'linked',
  minify: production,
  logLevel: 'warning',
};

// A command ends in a top-level await, which CommonJS does not have.
const command = {
  ...node,
  format: 'esm',
  // A name of its own: bundled modules import `createRequire` too.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
};

// What bundled ES modules ask for is nowhere in CommonJS.
const engine = {
  ...node,
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
};

const bundles = [
  { ...editor, entryPoints: ['extension/src/extension.ts'], outfile: 'dist/extension.cjs', plugins: [deferred] },
  { ...editor, entryPoints: ['extension/src/deferred.ts'], outfile: 'dist/deferred.cjs' },
  {
    ...engine,
    entryPoints: ['extension/src/p2p/main.ts'],
    outfile: 'dist/engine.cjs',
    plugins: [withoutNodeRsa, descriptionInlined],
  },
  // The session map's page; its style sheet is a bundle of its own because the page's policy allows no inline style.
  { ...browser, entryPoints: ['webview/mesh.ts', 'webview/mesh.css'], outdir: 'dist' },
  // The resolution page.
  {
    ...browser,
    entryPoints: { resolve: 'webview/resolve/page.ts', 'resolve-page': 'webview/resolve/page.css' },
    outdir: 'dist',
  },
  {
    ...command,
    entryPoints: ['extension/src/p2p/cli.ts'],
    outfile: 'dist/cli.mjs',
    plugins: [withoutNodeRsa, descriptionInlined],
  },
  { ...command, entryPoints: ['server/cli.ts'], outfile: 'dist/server.mjs' },
  // A process of its own, for what it loads may hang.
  { ...command, entryPoints: ['extension/src/p2p/transport/webrtc-process/main.ts'], outfile: 'dist/webrtc.mjs' },
];

await copyNativeParts();
if (process.argv.includes('--watch')) {
  for (const options of bundles) await (await context(options)).watch();
} else {
  await Promise.all(bundles.map((options) => build(options)));
}
