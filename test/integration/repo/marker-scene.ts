import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { MarkerMergeRequest, MarkerMergeResult } from '../../../extension/src/p2p/repo/marker-merge.ts';
import type { Repository } from '../../../extension/src/p2p/repo/repository.ts';
import { PeerweaveError } from '../../../extension/src/shared/errors.ts';
import type { Oid } from '../../../extension/src/shared/ids.ts';
import { commitEdits, lines, type Edit } from '../../support/diverged.ts';
import { git, initRepository, revParse, tempFolder, writeFiles } from '../../support/git.ts';
import { branch, provider } from '../../support/two-repositories.ts';

/** A repository of Mia's in which a merge with markers is begun, completed or taken back. */
export class MarkerScene {
  private readonly temp = tempFolder();
  readonly folder = this.temp.path;
  readonly root = join(this.folder, 'work');
  repository!: Repository;
  ours!: Oid;
  theirs!: Oid;

  /** `main`, checked out at our commit, and a commit of a peer that no branch has. */
  async diverged(base: readonly Edit[], mine: readonly Edit[], other: readonly Edit[]): Promise<void> {
    const { root } = this;
    initRepository(root);
    // The engine runs git with the user's configuration; of the machine's it must not depend.
    git(root, 'config', 'user.name', 'Mia');
    git(root, 'config', 'user.email', 'mia@example.org');
    commitEdits(root, base, 'base');
    git(root, 'checkout', '--quiet', '-b', 'other');
    this.theirs = commitEdits(root, other, 'theirs');
    git(root, 'checkout', '--quiet', 'main');
    this.ours = commitEdits(root, mine, 'mine');
    git(root, 'branch', '--quiet', '-D', 'other');
    this.repository = await provider.open(root);
  }

  /** The usual one: both changed line 5 of `f`, and each something else. */
  usual(): Promise<void> {
    return this.diverged(
      [{ f: lines(9), clean: lines(9), keep: 'keep\n' }],
      [{ f: lines(9, { 5: 'mine' }), clean: lines(9, { 9: 'mine' }) }],
      [{ f: lines(9, { 5: 'theirs' }), clean: lines(9, { 1: 'theirs' }), 'new.txt': 'new\n' }],
    );
  }

  begin(more: Partial<MarkerMergeRequest> = {}): Promise<MarkerMergeResult> {
    const { ours, theirs } = this;
    const request = { branch: branch('main'), ours, theirs, whose: 'bob', message: "Merge bob's main" };
    return this.repository.markerMerges.begin({ ...request, ...more });
  }

  complete(message?: string): Promise<Oid> {
    return this.repository.markerMerges.complete({ message, fallbackName: 'Mia of the session' });
  }

  /** The files of the merge, as `<path> <state>`. */
  async states(): Promise<string[]> {
    const merge = await this.repository.markerMerges.current();
    if (merge === undefined) throw new Error('no merge');
    return (await this.repository.markerMerges.files(merge)).map(({ path, state }) => `${path} ${state}`);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  /** As git says it in short. */
  status(): string[] {
    return git(this.root, 'status', '--porcelain').split('\n').filter(Boolean);
  }

  /** The refs that a merge with markers leaves while it goes on. */
  labels(): string {
    return git(this.root, 'for-each-ref', '--format=%(refname)', 'refs/peerweave');
  }

  hook(name: string, script: string): void {
    writeFiles(this.root, { [`.git/hooks/${name}`]: `#!/bin/sh\n${script}\n` });
    chmodSync(join(this.root, '.git/hooks', name), 0o755);
  }

  /** Runs something that must be refused, and checks that not a byte and not a time of a file changed. */
  async untouched(attempt: () => Promise<unknown>): Promise<void> {
    const before = this.picture();
    await attempt();
    expect(this.picture()).toEqual(before);
  }

  remove(): void {
    this.repository.dispose();
    this.temp.remove();
  }

  private picture(): unknown {
    const modified = (path: string): unknown =>
      existsSync(join(this.root, path)) && statSync(join(this.root, path)).mtimeMs;
    return [
      git(this.root, 'ls-files', '--stage', '-u'),
      this.status(),
      ['f', 'clean', 'keep'].map(modified),
      revParse(this.root, 'HEAD'),
      this.labels(),
      git(this.root, 'stash', 'list'),
    ];
  }
}

/** Reason and message of what is thrown. */
export const reasonOf = (promise: Promise<unknown>): Promise<[string, string]> =>
  promise.then(
    () => ['none', ''],
    (error: unknown) => (error instanceof PeerweaveError ? [error.reason, error.message] : ['untyped', String(error)]),
  );
