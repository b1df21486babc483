import type { ConflictSide } from '../../extension/src/rpc/conflicts.ts';

/** Where the commits of a divergence are drawn: one lane a side, newest on the right, all from the base on the left. */
export interface GraphNode {
  readonly x: number;
  readonly y: number;
  readonly kind: 'base' | 'commit' | 'more';
  readonly side: number;
  /** For people: `3f2a91c Fix the tests, Ada, 5 minutes ago`. */
  readonly title: string;
}

export interface GraphLane {
  readonly side: number;
  readonly label: string;
  readonly y: number;
  readonly nodes: readonly GraphNode[];
  /** An SVG path through the lane's nodes, from the base. */
  readonly path: string;
}

export interface Graph {
  readonly width: number;
  readonly height: number;
  readonly base: GraphNode;
  readonly lanes: readonly GraphLane[];
}

/** Commits of one side that are drawn; older ones are one dotted mark. */
const MAX_DRAWN = 12;
const LANE_HEIGHT = 34;
const STEP = 34;
const LEFT = 20;
const TOP = 18;

export interface GraphWords {
  readonly who: (side: ConflictSide) => string;
  readonly commit: (commit: ConflictSide['commits'][number]) => string;
  readonly base: string;
  readonly more: (count: number, orMore: boolean) => string;
}

export function graphOf(sides: readonly ConflictSide[], words: GraphWords): Graph {
  const height = 2 * TOP + (sides.length - 1) * LANE_HEIGHT;
  const middle = height / 2;
  const lanes = sides.map((side, index) => lane(side, index, middle, words));
  const right = Math.max(...lanes.flatMap(({ nodes }) => nodes.map(({ x }) => x)), LEFT);
  return {
    width: right + STEP,
    height,
    base: { x: LEFT, y: middle, kind: 'base', side: -1, title: words.base },
    lanes,
  };
}

function lane(side: ConflictSide, index: number, middle: number, words: GraphWords): GraphLane {
  const y = TOP + index * LANE_HEIGHT;
  const drawn = side.commits.slice(0, MAX_DRAWN).reverse();
  const hidden = side.commits.length - drawn.length;
  const nodes: GraphNode[] = [];
  const place = (kind: GraphNode['kind'], title: string): void => {
    nodes.push({ x: LEFT + STEP * (nodes.length + 1.5), y, kind, side: index, title });
  };
  if (hidden > 0 || side.moreCommits) place('more', words.more(hidden, side.moreCommits));
  for (const commit of drawn) place('commit', words.commit(commit));
  const first = nodes[0]?.x ?? LEFT;
  const last = nodes.at(-1)?.x ?? LEFT;
  const bend = (LEFT + first) / 2;
  const path = `M ${LEFT} ${middle} C ${bend} ${middle}, ${bend} ${y}, ${first} ${y} H ${last}`;
  return { side: index, label: words.who(side), y, nodes, path };
}
