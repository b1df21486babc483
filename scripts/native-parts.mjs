import { cp, readdir, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';

const packages = 'node_modules';
const target = 'dist/node_modules';
const scope = '@node-datachannel';

/** What each package needs at run time, besides the binaries. */
const wanted = {
  'node-datachannel': ['LICENSE', 'dist/esm/lib', 'dist/cjs/lib'],
  'detect-libc': ['LICENSE', 'lib'],
};

/**
 * Puts the native part of WebRTC beside the bundles, where they find it wherever the extension is installed (`vsce` leaves out the
 * `node_modules` of the root). Binaries of other platforms come along when they were installed here too, for example by
 * `npm install --no-save --force @node-datachannel/darwin-arm64`; where none fits, the engine does without WebRTC.
 */
export async function copyNativeParts() {
  for (const [name, paths] of Object.entries(wanted)) await copyPackage(name, paths);
  for (const platform of await readdir(join(packages, scope)).catch(() => [])) {
    await copyPackage(join(scope, platform), ['node_datachannel.node']);
  }
}

async function copyPackage(name, paths) {
  const description = (root) => readFile(join(root, name, 'package.json'), 'utf8').catch(() => undefined);
  // A binary that an engine has loaded cannot be replaced everywhere, and need not be while it is the same.
  if ((await description(target)) === (await description(packages))) return;
  // The description last: it says that the rest is there.
  for (const path of [...paths, 'package.json']) {
    await cp(join(packages, name, path), join(target, name, path), {
      recursive: true,
      filter: (source) => !source.endsWith('.map') && !source.includes(`${sep}polyfill`),
    });
  }
}
