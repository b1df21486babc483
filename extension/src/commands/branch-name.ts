const MAX_LENGTH = 200;

/**
 * Why git would not take this as the name of a branch; undefined when it would. After `git check-ref-format --branch`
 * (https://git-scm.com/docs/git-check-ref-format); whether the name is free the engine tells.
 */
export function branchNameProblem(text: string): string | undefined {
  const name = text.trim();
  if (name === '') return 'Give the branch a name.';
  if (name.length > MAX_LENGTH) return `A name may have ${MAX_LENGTH} characters.`;
  const bad = /[\s\p{Cc}~^:?*[\\]/u.exec(name)?.[0];
  if (bad !== undefined) return /\s/.test(bad) ? 'A name has no spaces.' : `A name has no ${JSON.stringify(bad)}.`;
  if (name.includes('..') || name.includes('@{')) return 'A name has neither ".." nor "@{".';
  if (name.startsWith('-') || name === '@' || name === 'HEAD') return 'This name means something else to git.';
  const part = name.split('/').find((each) => each === '' || each.startsWith('.') || each.endsWith('.lock'));
  if (part === '') return 'A name neither begins nor ends with "/", nor has two in a row.';
  if (part !== undefined) return 'No part of a name begins with "." or ends with ".lock".';
  return name.endsWith('.') ? 'A name does not end with ".".' : undefined;
}

/** `main-ada`: a name for a person's own version of a branch. */
export function proposedName(branch: string, person: string): string {
  const word = /[\p{L}\p{N}]+/u.exec(person)?.[0]?.toLowerCase() ?? 'mine';
  return `${branch}-${word}`.slice(0, MAX_LENGTH);
}
