/** Keeps what the keys act on in sight. */

/** Gives the focus to a region, unless it is in it already, as in its text field. */
export function focusCursor(cursor: string | undefined): void {
  const region = regionOf(cursor);
  if (region === null) return;
  if (!region.contains(document.activeElement)) region.focus({ preventScroll: true });
  region.scrollIntoView({ block: 'nearest' });
}

const regionOf = (cursor: string | undefined): HTMLElement | null =>
  cursor === undefined ? null : document.querySelector(`[data-key="${CSS.escape(cursor)}"]`);

/** The result and the list of files go along. */
export function follow(): void {
  const block = document.querySelector<HTMLElement>('.result .block.here');
  const pane = block?.closest<HTMLElement>('.scroll');
  if (block && pane) pane.scrollTop = block.offsetTop - pane.clientHeight / 3;
  document.querySelector('nav [aria-current="true"]')?.scrollIntoView({ block: 'nearest' });
}
