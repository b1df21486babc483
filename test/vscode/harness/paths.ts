import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root: the folder that VS Code loads as the extension under development. */
export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Where the bundled suites go; read by the extension host. */
export const suitesDirectory = join(projectRoot, 'dist', 'test');

/** Screenshots, logs of failed runs and the machine-readable result. */
export const resultsDirectory = join(projectRoot, 'test-results');

/** Kept between runs and between checkouts; holds the VS Code server. */
export const cacheDirectory = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'peerweave-test');
