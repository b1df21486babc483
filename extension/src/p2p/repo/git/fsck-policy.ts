/**
 * What a peer's objects may look like. Message ids and severities are those of git's Documentation/fsck-msgids; `--strict` makes
 * its WARN an error, as `receive.fsckObjects` does (`hasDotgit`, `hasDotdot`, `hasDot`, `fullPathname`, `nullSha1`,
 * `nulInCommit`, …). INFO passes here as it does there: symbolic links at `.gitattributes`, `.gitignore` and `.mailmap` are
 * common in honest projects, and git does not follow them; one at `.gitmodules` is an ERROR.
 *
 * Tolerated are blemishes that old tools left in the history of honest projects, which nobody can mend without rewriting it,
 * and which change nothing about what is checked out or run. All but the first are in the lines of author, committer and
 * tagger: text that git reads leniently and that we show as text (ED5). `badDateOverflow` stays refused: it is an overflow.
 */
export const TOLERATED = [
  // `040000` for `40000`, written by early web editors. Read as octal, both are the same mode; forges with fsck on (GitLab's
  // Gitaly: this, `badTimezone`, `missingSpaceBeforeDate`) let it through too.
  'zeroPaddedFilemode',
  'badTimezone',
  'missingSpaceBeforeDate',
  'missingSpaceBeforeEmail',
  'missingNameBeforeEmail',
  'missingEmail',
  'badEmail',
  'badName',
  'badDate',
  'zeroPaddedDate',
] as const;

/** The argument for `git unpack-objects` and `git index-pack`. */
export const STRICT = `--strict=${TOLERATED.map((id) => `${id}=ignore`).join(',')}`;
