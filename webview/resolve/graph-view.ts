import { html, svg, type TemplateResult } from 'lit';
import type { ConflictDetail } from '../../extension/src/rpc/conflicts.ts';
import { graphOf, type GraphLane, type GraphNode } from './graph.ts';
import { whoOf } from './view.ts';

const MINUTE = 60;
const UNITS: readonly [number, Intl.RelativeTimeFormatUnit][] = [
  [365 * 24 * 60 * MINUTE, 'year'],
  [24 * 60 * MINUTE, 'day'],
  [60 * MINUTE, 'hour'],
  [MINUTE, 'minute'],
];
const format = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** `5 minutes ago`; `time` in seconds and `now` in milliseconds since 1970. */
export function ago(time: number, now: number): string {
  const seconds = time - now / 1000;
  for (const [length, unit] of UNITS) {
    if (Math.abs(seconds) >= length) return format.format(Math.round(seconds / length), unit);
  }
  return 'just now';
}

/** The divergence as a picture, with the same in words for those who do not see it. */
export function graphView(detail: ConflictDetail, now: number): TemplateResult {
  const graph = graphOf(detail.sides, {
    who: whoOf,
    commit: ({ oid, subject, author, time }) => `${oid.slice(0, 8)} ${subject} · ${author}, ${ago(time, now)}`,
    base:
      detail.bases.length === 0
        ? 'no common commit'
        : `common commit ${detail.bases.map((oid) => oid.slice(0, 8)).join(', ')}`,
    more: (count, orMore) => `${count}${orMore ? ' or more' : ''} earlier commits`,
  });
  return html`<figure class="graph">
    <svg
      viewBox="0 0 ${graph.width + LABEL_WIDTH} ${graph.height}"
      width=${graph.width + LABEL_WIDTH}
      height=${graph.height}
      role="img"
      aria-label=${inWords(detail, now)}
    >
      ${graph.lanes.map((lane) => laneView(lane, graph.width))} ${nodeView(graph.base)}
    </svg>
  </figure>`;
}

const LABEL_WIDTH = 220;

const laneView = (lane: GraphLane, width: number): TemplateResult =>
  svg`
  <path class="lane side-${lane.side % 4}" d=${lane.path}></path>
  ${lane.nodes.map(nodeView)}
  <text x=${width} y=${lane.y + 4}>${lane.label}</text>`;

const nodeView = (node: GraphNode): TemplateResult =>
  svg`
  <circle class="${node.kind} side-${node.side % 4}" cx=${node.x} cy=${node.y} r=${node.kind === 'more' ? 3 : 6}>
    <title>${node.title}</title>
  </circle>`;

function inWords(detail: ConflictDetail, now: number): string {
  return detail.sides
    .map((side) => {
      const [newest] = side.commits;
      const last =
        newest === undefined ? '' : `, the newest "${newest.subject}" by ${newest.author}, ${ago(newest.time, now)}`;
      return `${whoOf(side)}: ${side.commits.length} commits${last}`;
    })
    .join('; ');
}
