import type { BranchName, Oid } from '../../extension/src/shared/ids.ts';
import type { CommitGraph } from './commit-graph.ts';
import type { SimEngine } from './sim-engine.ts';
import { hold } from './violation.ts';

/** A branch on which two peers were equal when everything was at rest: their base from then on. */
interface Agreed {
  readonly here: SimEngine;
  readonly there: SimEngine;
  readonly branch: BranchName;
  readonly tip: Oid;
}

/**
 * What every two peers agreed on at the last rest. From there it is known what has to be shown of a branch that one of them then deleted or
 * rewound while the other did nothing to it (SY4, SY7).
 */
export class Agreement {
  private agreed: readonly Agreed[] = [];

  note(engines: readonly SimEngine[]): void {
    for (const { repository } of engines) repository.touched.clear();
    this.agreed = engines.flatMap((here) =>
      engines.filter((there) => there !== here).flatMap((there) => common(here, there)),
    );
  }

  check(graph: CommitGraph): void {
    for (const { here, there, branch, tip } of this.agreed) {
      const [local, remote] = [here.repository.tip(branch), there.repository.tip(branch)];
      if (local === undefined || here.repository.touched.has(branch)) continue;
      const standing = standingOf(here, there, branch);
      const told = `${here.id} of ${there.id}: ${branch} was ${tip.slice(0, 6)} at both, is ${String(standing)}`;
      if (remote === undefined) hold(standing === 'deleted-there', () => `${told}, was deleted there`);
      else if (local === tip && !graph.contains(remote, tip)) {
        // Unless it went back to what this side had left before that: then both did.
        const bothDid = standing === 'rewound-here' && here.repository.rewritten.has(branch);
        hold(standing === 'rewound-there' || bothDid, () => `${told}, was rewound there`);
      }
    }
  }
}

function common(here: SimEngine, there: SimEngine): Agreed[] {
  return here.repository.branches().flatMap((branch) => {
    const tip = here.repository.tip(branch);
    const equal = tip !== undefined && tip === there.repository.tip(branch);
    // Not where one refuses the other's branch.
    return equal && standingOf(here, there, branch) === 'equal' ? [{ here, there, branch, tip }] : [];
  });
}

const standingOf = (here: SimEngine, there: SimEngine, branch: BranchName): string | undefined =>
  here.core
    .branches()
    .find((state) => state.branch === branch)
    ?.peers.find(({ peer }) => peer === there.id)?.standing;
