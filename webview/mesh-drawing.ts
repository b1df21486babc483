import type { MeshPeer, MeshPicture } from '../extension/src/views/mesh-messages.ts';
import { svg } from './element.ts';

const WIDTH = 720;
/** An ellipse leaves room for the names at the sides. */
const RADIUS = { x: 250, y: 160 };
/** Above the highest dot and below the lowest label. */
const MARGIN = { top: 35, bottom: 60 };
const DOT = 13;
/** Longer names are cut in the drawing; the table has them whole. */
const MAX_LABEL = 22;
/** Past this many peers labels would overlap; then only the dots are drawn, and the table tells the rest. */
const MAX_LABELLED = 16;

/** One or two peers stand at the sides and need no height. */
const radiusY = (peers: number): number => (peers <= 2 ? 0 : RADIUS.y);

interface Place {
  readonly x: number;
  readonly y: number;
}

/** We in the middle, everybody else around, a line for each link. Hidden from screen readers, which have the table. */
export function drawing({ self, peers }: MeshPicture): SVGElement {
  const centre = { x: WIDTH / 2, y: MARGIN.top + radiusY(peers.length) };
  const height = MARGIN.top + 2 * radiusY(peers.length) + MARGIN.bottom;
  const places = peers.map((_peer, index) => placeOf(centre, index, peers.length));
  const labelled = peers.length <= MAX_LABELLED;
  return svg(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${height}`, 'aria-hidden': 'true' },
    ...peers.map((peer, index) => line(peer, centre, places[index] ?? centre, labelled)),
    ...peers.map((peer, index) => person(peer.name, peer.branch, peer.look, places[index] ?? centre, labelled)),
    person(`${cut(self.name)} (you)`, self.branch, 'self', centre, true),
  );
}

function placeOf(centre: Place, index: number, of: number): Place {
  // The first at the right, then clockwise: names stand below the dots, where a line to the top would run through them.
  const angle = (2 * Math.PI * index) / of;
  return { x: centre.x + RADIUS.x * Math.cos(angle), y: centre.y + radiusY(of) * Math.sin(angle) };
}

function line(peer: MeshPeer, from: Place, to: Place, labelled: boolean): SVGElement {
  const stroke = svg('line', { class: peer.look, x1: from.x, y1: from.y, x2: to.x, y2: to.y });
  if (!labelled) return stroke;
  // Nearer to the peer, where lines are further apart.
  const at = { x: from.x + (to.x - from.x) * 0.55, y: from.y + (to.y - from.y) * 0.55 };
  return svg('g', {}, stroke, svg('text', { class: 'route', x: at.x, y: at.y - 6 }, peer.route));
}

function person(name: string, branch: string, look: string, { x, y }: Place, labelled: boolean): SVGElement {
  const dot = svg('circle', { class: look, cx: x, cy: y, r: DOT });
  if (!labelled) return svg('g', {}, dot);
  const label = svg('text', { class: 'name', x, y: y + DOT + 17 }, look === 'self' ? name : cut(name));
  const below = svg('text', { class: 'branch', x, y: y + DOT + 33 }, branch);
  return svg('g', {}, dot, label, below);
}

/** A flag or a family is one character to people, and must not be cut in two. */
const GRAPHEMES = new Intl.Segmenter();

function cut(text: string): string {
  const characters = Array.from(GRAPHEMES.segment(text), ({ segment }) => segment);
  return characters.length > MAX_LABEL ? `${characters.slice(0, MAX_LABEL - 1).join('')}…` : text;
}
