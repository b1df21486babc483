import { join } from 'node:path';
import type { Repository } from '../../extension/src/p2p/repo/repository.ts';
import { tempFolder } from './git.ts';
import { provider } from './two-repositories.ts';

/** A folder for many repositories, and those of them that are open. */
export class Shelf {
  private readonly folder = tempFolder();
  private readonly opened: Repository[] = [];
  private count = 0;
  readonly path = this.folder.path;

  /** A path that is not taken yet. */
  newRoot(): string {
    return join(this.path, `r${(this.count += 1)}`);
  }

  /** Opens a repository until `close`. */
  async open(root: string, by = provider): Promise<Repository> {
    const repository = await by.open(root);
    this.opened.push(repository);
    return repository;
  }

  close(): void {
    for (const repository of this.opened.splice(0)) repository.dispose();
  }

  remove(): void {
    this.folder.remove();
  }
}
