import { html, nothing, type TemplateResult } from 'lit';
import type { Word } from './words.ts';

/** Lines of code with their numbers: two texts side by side, which a browser draws far faster than an element a line. */
export function codeView(words: readonly Word[], first: number, kind: 'added' | 'removed' = 'added'): TemplateResult {
  const count = words.reduce((lines, { text }) => lines + countLines(text), 0);
  const open = words.at(-1)?.text.endsWith('\n') === false;
  return html`<div class="code">
    <pre class="gutter" aria-hidden="true">${numbers(first, count + (open ? 1 : 0))}</pre>
    <pre class="text">
${words.map(({ text, changed }) => (changed ? html`<mark class=${kind}>${text}</mark>` : text))}</pre>
  </div>`;
}

/** The same for text that is shown as it is. */
export const plainCode = (text: string, first: number): TemplateResult | typeof nothing =>
  text === '' ? nothing : codeView([{ text, changed: false }], first);

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

const numbers = (first: number, count: number): string =>
  Array.from({ length: count }, (_, index) => first + index).join('\n');
