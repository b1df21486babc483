import type { ConflictSide } from '../../extension/src/rpc/conflicts.ts';

/** Where the commits of a divergence are drawn: one lane a side, from the base on the left to the merge that is being made on the right. */
export interface GraphNode {
  readonly x: number;
  readonly y: number;
  readonly kind: 'base' | 'commit' | 'more' | 'merge';
  /** For people: `3f2a91c Fix the tests, Ada, 5 minutes ago`. */
  readonly title: string;
}

export interface GraphLane {
  readonly tip: string;
  readonly label: string;
  readonly y: number;
  readonly nodes: readonly GraphNode[];
  /** SVG paths: from the base through the lane's nodes, and from there to the merge. */
  readonly path: string;
  readonly join: string;
}

export interface Graph {
  readonly width: number;
  readonly height: number;
  readonly base: GraphNode;
  readonly merge: GraphNode;
  readonly lanes: readonly GraphLane[];
}

/** Commits of one side that are drawn; older ones are one small mark. */
const MAX_DRAWN = 10;
const LANE_HEIGHT = 26;
const STEP = 26;
const BEND = 44;
const LEFT = 12;
const TOP = 14;

export interface GraphWords {
  readonly label: (side: ConflictSide) => string;
  readonly commit: (commit: ConflictSide['commits'][number]) => string;
  readonly base: string;
  readonly merge: string;
  readonly more: (count: number, orMore: boolean) => string;
}

export function graphOf(sides: readonly ConflictSide[], words: GraphWords): Graph {
  const height = 2 * TOP + (sides.length - 1) * LANE_HEIGHT;
  const middle = height / 2;
  const drawn = sides.map((side, index) => nodesOf(side, TOP + index * LANE_HEIGHT, words));
  const right = Math.max(LEFT + BEND, ...drawn.flatMap((nodes) => nodes.map(({ x }) => x)));
  const end = right + BEND;
  const lanes = sides.map((side, index): GraphLane => {
    const y = TOP + index * LANE_HEIGHT;
    const nodes = drawn[index] ?? [];
    const first = nodes[0]?.x ?? LEFT + BEND;
    const last = nodes.at(-1)?.x ?? first;
    const path = `M ${LEFT} ${middle} C ${LEFT + BEND / 2} ${middle}, ${LEFT + BEND / 2} ${y}, ${first} ${y} H ${last}`;
    const join = `M ${last} ${y} H ${right} C ${right + BEND / 2} ${y}, ${right + BEND / 2} ${middle}, ${end} ${middle}`;
    return { tip: side.tip, label: words.label(side), y, nodes, path, join };
  });
  return {
    width: end + LEFT,
    height,
    base: { x: LEFT, y: middle, kind: 'base', title: words.base },
    merge: { x: end, y: middle, kind: 'merge', title: words.merge },
    lanes,
  };
}

function nodesOf(side: ConflictSide, y: number, words: GraphWords): GraphNode[] {
  const drawn = side.commits.slice(0, MAX_DRAWN).reverse();
  const hidden = side.commits.length - drawn.length;
  const nodes: GraphNode[] = [];
  const place = (kind: GraphNode['kind'], title: string): void => {
    nodes.push({ x: LEFT + BEND + STEP * nodes.length, y, kind, title });
  };
  if (hidden > 0 || side.moreCommits) place('more', words.more(hidden, side.moreCommits));
  for (const commit of drawn) place('commit', words.commit(commit));
  return nodes;
}
