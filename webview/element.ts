/** An HTML element with attributes and children; strings become text nodes, never markup (ED5). */
export function element(
  tag: string,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly (Node | string)[]
): HTMLElement {
  return filled(document.createElement(tag), attributes, children);
}

const SVG = 'http://www.w3.org/2000/svg';

/** The same for SVG. */
export function svg(
  tag: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: readonly (Node | string)[]
): SVGElement {
  return filled<SVGElement>(document.createElementNS(SVG, tag), attributes, children);
}

function filled<E extends Element>(
  target: E,
  attributes: Readonly<Record<string, string | number>>,
  children: readonly (Node | string)[],
): E {
  for (const [name, value] of Object.entries(attributes)) target.setAttribute(name, String(value));
  target.append(...children);
  return target;
}
