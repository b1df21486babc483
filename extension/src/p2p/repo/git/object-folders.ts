import { delimiter } from 'node:path';

/** Environment for git to look for objects in `first`, where it also writes them, and then in `second` (git(1)). */
export const objectFolders = (first: string, second: string): Record<string, string> => ({
  GIT_OBJECT_DIRECTORY: first,
  ...moreObjects(second),
});

/** Environment for git to look for objects in `folder` too. */
export const moreObjects = (folder: string): Record<string, string> => ({
  GIT_ALTERNATE_OBJECT_DIRECTORIES: listed(folder),
});

/** The variable is a list, in which a path that would be taken for several is quoted the way of C. */
const listed = (path: string): string =>
  path.includes(delimiter) || path.startsWith('"') ? `"${path.replaceAll(/["\\]/g, '\\$&')}"` : path;
