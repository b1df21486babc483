/**
 * Objects are checked strictly (fsck's warnings refuse too: `.git` in any spelling that a file system may take for it, `..`,
 * paths, bad gitmodules), but for blemishes that are in the history of many honest projects and harm nobody. Message ids are
 * those of git-fsck(1).
 */
const TOLERATED = [
  'zeroPaddedFilemode',
  'missingTaggerEntry',
  'badTagName',
  'missingSpaceBeforeDate',
  'missingSpaceBeforeEmail',
  'missingNameBeforeEmail',
  'missingEmail',
  'badEmail',
  'badName',
  'badDate',
  'zeroPaddedDate',
  'badTimezone',
  'nulInCommit',
];

/** The argument for `git unpack-objects` and `git index-pack`. */
export const STRICT = `--strict=${TOLERATED.map((id) => `${id}=ignore`).join(',')}`;
