import type { Strategies, Strategy } from '../../extension/src/p2p/sync/strategy.ts';
import type { BranchName, PeerId } from '../../extension/src/shared/ids.ts';
import { branchRef } from '../../extension/src/shared/ids.ts';
import { Agreement } from './agreement.ts';
import { CommitGraph } from './commit-graph.ts';
import { checkQuiet, differing } from './properties.ts';
import { checkAgreed, checkSettled } from './settled.ts';
import { Prng } from './prng.ts';
import { drawScenario, type Scenario } from './scenario.ts';
import { SimEngine } from './sim-engine.ts';
import type { SimWorld } from './sim-world.ts';
import { SimNetwork } from './sim-network.ts';
import { SimRepository } from './sim-repository.ts';
import { SimUser } from './sim-user.ts';
import { VirtualClock } from './virtual-clock.ts';
import { hold } from './violation.ts';

/** Callbacks after which a network that is whole and where nobody does anything must have come to rest, for each pair and branch. */
const STEPS_TO_REST = 400;
/**
 * Merges that engines make of themselves for each commit that a person makes, at most (no ping-pong). In 10,000 seeds the worst had 2.9, with
 * eight peers on a slow network; were they to merge whatever they see at once it would be 5.5 and more.
 */
const MERGES_PER_COMMIT = 5;
const HEAD = 'main' as BranchName;

/** What a seed came to, for the statistics. */
export interface Outcome {
  readonly events: number;
  readonly commits: number;
  /** Merges that engines made of themselves. */
  readonly merges: number;
}

/** Plays out one seed. Throws a `Violation` when a property does not hold. */
export function simulate(seed: number, trace: (line: string) => void = () => undefined): Outcome {
  const random = new Prng(seed);
  return new Simulation(drawScenario(random), random, trace).run();
}

class Simulation {
  private readonly scenario: Scenario;
  private readonly random: Prng;
  private readonly clock = new VirtualClock();
  private readonly graph = new CommitGraph();
  private readonly network: SimNetwork;
  private readonly engines: SimEngine[] = [];
  private readonly users: SimUser[] = [];
  private readonly agreement = new Agreement();

  constructor(scenario: Scenario, random: Prng, trace: (line: string) => void) {
    this.scenario = scenario;
    this.random = random;
    this.network = new SimNetwork(this.clock, random, scenario.maxLatencyMs);
    const world: SimWorld = {
      clock: this.clock,
      random,
      graph: this.graph,
      network: this.network,
      trace: (peer, text) => trace(`${String(this.clock.now).padStart(6)} ${peer.slice(7, 8)} ${text}`),
    };
    for (let i = 0; i < scenario.peers; i++) this.addPeer(i, world);
    for (const [i, a] of this.engines.entries()) for (const b of this.engines.slice(i + 1)) this.network.connect(a, b);
  }

  run(): Outcome {
    this.begin();
    this.plan();
    this.clock.runUntil(this.scenario.durationMs);
    this.heal();
    this.rest();
    if (this.scenario.encore) this.encore();
    if (this.scenario.settle) this.settle();
    const { merges, size } = this.graph;
    const people = size - merges;
    hold(merges <= MERGES_PER_COMMIT * people, () => `${merges} merges by themselves for ${people} commits of people`);
    return {
      events: this.engines.reduce((sum, { events }) => sum + events, 0),
      commits: this.graph.size,
      merges: this.graph.merges,
    };
  }

  private addPeer(index: number, world: SimWorld): void {
    const id = `SHA256:${String.fromCharCode(65 + index).repeat(43)}` as PeerId;
    const repository = new SimRepository(this.graph, id.slice(7, 8), HEAD);
    repository.strict = !this.scenario.mishaps.lazyPersist;
    const { refuses } = this.scenario.mishaps;
    const odd = index === this.scenario.peers - 1;
    const engine = new SimEngine(id, repository, world, {
      ...this.scenario.mishaps,
      refuses: odd ? refuses : () => false,
    });
    engine.strategies = this.drawStrategies();
    this.engines.push(engine);
    this.users.push(new SimUser(engine, world, this.scenario.habits));
  }

  private drawStrategies(): Strategies {
    const { strategies } = this.scenario;
    const draw = (): Strategy => this.random.pick(strategies) ?? 'manual';
    const own = this.random.chance(0.2) ? [[HEAD, draw()] as const] : [];
    return { session: draw(), branches: new Map(own) };
  }

  private changeMind(): void {
    const engine = this.random.pick(this.engines);
    if (engine === undefined) return;
    engine.strategies = this.drawStrategies();
    engine.feed({ type: 'strategies', strategies: engine.strategies });
  }

  /** Several people settle the same conflict at the same moment, alike or not. */
  private duel(): void {
    const branch = this.random.pick(this.users.flatMap(({ resolver }) => resolver.conflicts()));
    const tree = this.random.chance(0.6) ? this.random.between(0, 2_000) : undefined;
    for (const { resolver } of this.users) {
      if (branch === undefined || !resolver.conflicts().includes(branch) || this.random.chance(0.2)) continue;
      resolver.resolve(branch, tree);
    }
  }

  /** Everybody starts from a clone of the same three commits, or from a part of them. */
  private begin(): void {
    const first = this.graph.commit([], 0);
    const second = this.graph.commit([first], 1);
    const third = this.graph.commit([second], 2);
    for (const { repository } of this.engines) {
      const tip = this.random.pick([second, third]) ?? third;
      repository.objects.addAll(this.graph.history(tip));
      repository.setByUser(branchRef(HEAD), tip);
    }
    for (const engine of this.engines) engine.start();
    this.network.linkAll();
  }

  /** Spreads what will happen over the time of the scenario. */
  private plan(): void {
    const { actions, drops, crashes, partitions, changesOfMind, duels, durationMs } = this.scenario;
    const times = (count: number, action: () => void): void => {
      for (let i = 0; i < count; i++) this.clock.after(this.random.between(0, durationMs), action);
    };
    times(actions, () => this.random.pick(this.users)?.act());
    times(drops, () => {
      this.network.drop({ probability: 0.5 });
      this.relinkLater();
    });
    times(crashes, () => this.crash());
    times(changesOfMind, () => this.changeMind());
    times(duels, () => this.duel());
    times(partitions, () => {
      this.network.partition((peer) => peer.charCodeAt(7) % 2);
      this.clock.after(this.random.between(1, durationMs), () => {
        this.network.partition(() => 0);
        this.network.linkAll();
      });
    });
  }

  private crash(): void {
    const engine = this.random.pick(this.engines.filter(({ running }) => running));
    if (engine === undefined) return;
    if (this.random.chance(0.5)) this.kill(engine);
    else engine.doom(this.random.between(0, 2), () => this.kill(engine));
  }

  private kill(engine: SimEngine): void {
    engine.crash();
    this.network.drop({ peer: engine.id, probability: 1 });
    this.clock.after(this.random.between(1, this.scenario.durationMs / 4), () => {
      if (!engine.running) engine.start();
      this.relinkLater();
    });
  }

  private relinkLater(): void {
    this.clock.after(this.random.between(1, this.scenario.durationMs / 4), () => this.network.linkAll());
  }

  /** The network is whole again and everything runs; who has an update that waits for a person looks at it. */
  private heal(): void {
    this.network.partition(() => 0);
    for (const engine of this.engines) {
      if (!engine.running) engine.start();
      if (this.random.chance(0.8) && engine.repository.dirty) {
        engine.repository.dirty = false;
        engine.feed({ type: 'worktree-changed' });
      }
    }
    this.network.linkAll();
  }

  /** Lets everything come to rest, and checks what must then be so. */
  private rest(): void {
    this.quiet();
    // What failed for a reason that only a person or a new manifest can cure is cured by the person here; what that sets going may fail so too.
    for (let round = 0; round < 20; round++) {
      const stuck = this.engines.filter((engine) =>
        this.engines.some(({ id }) => engine.core.peerState(id)?.error?.retrying === false),
      );
      if (stuck.length === 0) break;
      for (const engine of stuck) this.cure(engine);
      this.quiet();
    }
    checkQuiet(this.engines, this.graph);
    checkSettled(this.engines, this.graph);
    this.agreement.check(this.graph);
    this.agreement.note(this.engines);
  }

  /** A few things more, and perhaps a restart, from a point where it is known what everybody agreed on. */
  private encore(): void {
    for (let i = this.random.between(1, 4); i > 0; i--) this.random.pick(this.users)?.act();
    if (this.scenario.crashes > 0) this.crash();
    this.rest();
  }

  /** Asks again until nothing is refused for good: the next try may be refused as well. */
  private cure(engine: SimEngine): void {
    for (let tries = 0; tries < 20; tries++) {
      if (!this.engines.some(({ id }) => engine.core.peerState(id)?.error !== undefined)) return;
      engine.feed({ type: 'sync-now' });
      this.quiet();
    }
  }

  private quiet(): void {
    const branches = new Set(this.engines.flatMap(({ repository }) => [...repository.refs.keys()])).size;
    const limit = STEPS_TO_REST * this.engines.length ** 2 * (branches + 1);
    hold(this.clock.runToQuiet(limit), () => `no rest after ${limit} steps in a whole and quiet network`);
  }

  /** People merge what diverged, one after the other; in the end no conflict is left. */
  private settle(): void {
    for (let round = 0; round < 100; round++) {
      const user = this.users.find((candidate) => candidate.resolver.resolve());
      if (user === undefined) return checkAgreed(this.engines, this.graph);
      this.rest();
    }
    hold(false, () => `conflicts do not settle: ${differing(this.engines).join(', ')}`);
  }
}
