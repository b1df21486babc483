import { html, svg, type TemplateResult } from 'lit';
import type { ConflictDetail, ConflictSide } from '../../extension/src/rpc/conflicts.ts';
import { graphOf, type GraphLane, type GraphNode } from './graph.ts';
import { colorOf, titled, whoOf } from './sides.ts';

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

/** The divergence as a picture, and the commits in words for those who do not see it or want to read. */
export function graphView(detail: ConflictDetail, now: number): TemplateResult {
  const graph = graphOf(detail.sides, {
    label: whoOf,
    commit: ({ oid, subject, author, time }) => `${oid.slice(0, 8)} ${subject}\n${author}, ${ago(time, now)}`,
    base:
      detail.bases.length === 0
        ? 'No common commit'
        : `Common commit ${detail.bases.map((oid) => oid.slice(0, 8)).join(', ')}`,
    merge: 'The merge that Finish makes',
    more: (count, orMore) => `${count}${orMore ? ' or more' : ''} earlier commits`,
  });
  return html`<div class="divergence">
    <svg
      class="graph"
      viewBox="0 0 ${graph.width} ${graph.height}"
      width=${graph.width}
      height=${graph.height}
      role="img"
      aria-label=${inWords(detail, now)}
    >
      ${graph.lanes.map((lane) => laneView(lane, colorOf(detail, lane.tip)))} ${nodeView(graph.base, '')}
      ${nodeView(graph.merge, '')}
    </svg>
    <ul class="lanes" aria-hidden="true">
      ${detail.sides.map((side) => laneLabel(side, colorOf(detail, side.tip), now))}
    </ul>
  </div>`;
}

const laneView = (lane: GraphLane, color: string): TemplateResult =>
  svg`<g class=${color}>
    <path class="lane" d=${lane.path}></path>
    <path class="join" d=${lane.join}></path>
    ${lane.nodes.map((node) => nodeView(node, color))}
  </g>`;

const RADIUS: Record<GraphNode['kind'], number> = { base: 5, commit: 5, more: 2.5, merge: 5 };

const nodeView = ({ kind, x, y, title }: GraphNode, color: string): TemplateResult =>
  svg`<circle class="${kind} ${color}" cx=${x} cy=${y} r=${RADIUS[kind]}><title>${title}</title></circle>`;

function laneLabel(side: ConflictSide, color: string, now: number): TemplateResult {
  const [newest] = side.commits;
  const about = newest === undefined ? '' : `${newest.subject} · ${ago(newest.time, now)}`;
  return html`<li class=${color}>
    <strong>${titled(whoOf(side))}</strong> <span class="count">${countOf(side)}</span>
    <span class="quiet" title=${about}>${about}</span>
  </li>`;
}

/** `3 commits`. */
export const countOf = ({ commits, moreCommits }: ConflictSide): string =>
  `${commits.length}${moreCommits ? '+' : ''} ${commits.length === 1 && !moreCommits ? 'commit' : 'commits'}`;

function inWords(detail: ConflictDetail, now: number): string {
  return detail.sides
    .map((side) => {
      const [newest] = side.commits;
      const last =
        newest === undefined ? '' : `, the newest "${newest.subject}" by ${newest.author}, ${ago(newest.time, now)}`;
      return `${whoOf(side)}: ${countOf(side)}${last}`;
    })
    .join('; ');
}

/** Commits of every side, newest first, as a list that can be read and copied from. */
export function commitList(detail: ConflictDetail, now: number): TemplateResult {
  return html`<details class="commits">
    <summary>Commits</summary>
    ${detail.sides.map(
      (side) =>
        html`<h3 class=${colorOf(detail, side.tip)}>${titled(whoOf(side))}</h3>
          <ul>
            ${side.commits.map(
              ({ oid, subject, author, time }) =>
                html`<li>
                  <code>${oid.slice(0, 8)}</code> ${subject} <span class="quiet">${author}, ${ago(time, now)}</span>
                </li>`,
            )}
            ${side.moreCommits ? html`<li class="quiet">and earlier ones</li>` : ''}
          </ul>`,
    )}
  </details>`;
}
