import { join } from 'node:path';
import { EngineProcess, runCli } from './engine-process.ts';
import { commit, initRepository, tempFolder, type TempFolder } from './git.ts';

/** A person of a test: a name, a home with a key of its own, and a folder for its clone. */
export interface Person {
  readonly name: string;
  readonly home: string;
  readonly repo: string;
}

/** A temporary world with people in it; every engine started through it is stopped in `end`. */
export class World {
  readonly folder: TempFolder = tempFolder();
  private readonly engines: EngineProcess[] = [];

  person(name: string): Person {
    const base = join(this.folder.path, name);
    return { name, home: join(base, 'home'), repo: join(base, 'project') };
  }

  /** A person who has a repository with one commit on `main`. */
  owner(name: string): Person {
    const person = this.person(name);
    initRepository(person.repo);
    commit(person.repo, { 'README.md': '# Project\n' }, 'Begin');
    return person;
  }

  share(person: Person, ...flags: string[]): EngineProcess {
    const args = ['share', '--repo', person.repo, '--name', person.name, '--listen', '127.0.0.1:0', '--json', ...flags];
    return this.track(new EngineProcess(args, { home: person.home }));
  }

  join(person: Person, invite: string, ...flags: string[]): EngineProcess {
    const args = ['join', person.repo, '--name', person.name, '--listen', '127.0.0.1:0', '--json', ...flags];
    return this.track(new EngineProcess(args, { home: person.home, input: invite }));
  }

  resume(person: Person, ...flags: string[]): EngineProcess {
    return this.track(new EngineProcess(['resume', '--repo', person.repo, '--json', ...flags], { home: person.home }));
  }

  run(person: Person, command: string, ...args: string[]): ReturnType<typeof runCli> {
    return runCli([command, ...args, '--repo', person.repo], { home: person.home });
  }

  /** Two people in a session where nobody is asked; each has what the other has. */
  async pair(owner: Person, guest: Person): Promise<{ readonly host: EngineProcess; readonly guest: EngineProcess }> {
    const host = this.share(owner, '--approve', 'auto');
    const joined = this.join(guest, await host.invite());
    await Promise.all([joined.synced(owner.name), host.synced(guest.name)]);
    return { host, guest: joined };
  }

  async end(): Promise<void> {
    await Promise.all(this.engines.map((engine) => engine.stop('SIGKILL')));
    this.folder.remove();
  }

  private track(engine: EngineProcess): EngineProcess {
    this.engines.push(engine);
    return engine;
  }
}

/** A world with Alice, who has a repository, and Bob, who has none yet. */
export function worldOfTwo(): { readonly world: World; readonly alice: Person; readonly bob: Person } {
  const world = new World();
  return { world, alice: world.owner('Alice'), bob: world.person('Bob') };
}
