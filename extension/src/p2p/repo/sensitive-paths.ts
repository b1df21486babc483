/** Files that an editor, a shell or git runs or obeys by their mere presence: an update to one waits for a review (SY6). */
const SENSITIVE: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /(?:^|\/)\.vscode\//, why: 'VS Code tasks, settings and launch configurations' },
  { pattern: /\.code-workspace$/, why: 'settings and tasks of a VS Code workspace' },
  { pattern: /(?:^|\/)\.devcontainer(?:\/|\.json$)/, why: 'commands run when a container is made' },
  { pattern: /(?:^|\/)\.(?:idea|fleet|zed|vs)\//, why: 'run configurations of other editors' },
  { pattern: /(?:^|\/)\.(?:exrc|nvimrc|nvim\.lua|vimrc)$/, why: 'read by vim on entering the folder' },
  { pattern: /(?:^|\/)\.dir-locals(?:-2)?\.el$/, why: 'read by Emacs on opening a file' },
  { pattern: /(?:^|\/)\.?(?:git-?hooks|hooks)\//, why: 'git hooks kept in the tree' },
  { pattern: /(?:^|\/)\.husky\//, why: 'git hooks of husky' },
  { pattern: /(?:^|\/)\.?lefthook(?:-local)?\.(?:yml|yaml|toml|json)$/, why: 'git hooks of lefthook' },
  { pattern: /(?:^|\/)\.pre-commit-config\.yaml$/, why: 'git hooks of pre-commit' },
  { pattern: /(?:^|\/)\.lfsconfig$/, why: 'the server that git-lfs sends credentials to' },
  { pattern: /(?:^|\/)\.envrc$/, why: 'run by direnv on entering the folder' },
  { pattern: /(?:^|\/)\.?mise(?:\.local)?\.toml$/, why: 'run by mise on entering the folder' },
];

/**
 * The paths among `paths` (from the worktree's root, with `/`) that need a review. `hooksPath` is the repository's
 * `core.hooksPath` when it lies in the worktree, relative to its root. Case is ignored, as file systems may.
 */
export function sensitivePaths(paths: readonly string[], hooksPath?: string): string[] {
  const hooks = hooksPath === undefined ? undefined : `${hooksPath.toLowerCase().replace(/\/+$/, '')}/`;
  return paths.filter((path) => {
    const folded = path.toLowerCase();
    return (hooks !== undefined && folded.startsWith(hooks)) || SENSITIVE.some(({ pattern }) => pattern.test(folded));
  });
}
