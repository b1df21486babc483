import * as vscode from 'vscode';

/** What is used of the API of VS Code's Git extension. */
export interface GitApi {
  readonly repositories: readonly GitRepository[];
  getRepository(uri: vscode.Uri): GitRepository | null;
}

export interface GitRepository {
  getConfig(key: string): Promise<string>;
}

/** The Git extension's API; undefined when it is disabled or has not started. */
export function gitApi(): GitApi | undefined {
  const git = vscode.extensions.getExtension<{ getAPI(version: 1): GitApi }>('vscode.git');
  return git?.isActive === true ? git.exports.getAPI(1) : undefined;
}
