/**
 * Text that came from a peer, made fit to show (ED5). VS Code gives meaning to plain strings in places one would not expect:
 * `$(name)` is an icon in the status bar, quick picks and trees; `[text](command:…)` is a link in notifications; and control or
 * bidirectional characters can make a name read as another one. Whatever a peer sends goes through here before it is shown.
 */
export function plain(text: string, maxLength = 60): string {
  const clean = text.replace(INVISIBLE, '').replace(/\s+/gu, ' ').trim();
  const short = shorten(clean, maxLength);
  return short.replace(MARKUP, (opening) => opening.charAt(0) + ZERO_WIDTH_SPACE + opening.slice(1));
}

const ZERO_WIDTH_SPACE = '\u200b';

/** Where an icon or a link would begin; a zero-width space inside ends its meaning and leaves its looks. */
const MARKUP = /\$\(|\]\(/gu;

/** Controls but for white space, and everything that has no width of its own: bidirectional marks, joiners, tags. */
const INVISIBLE = /(?![\t\n\r\u200d])[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu;

/** A flag or a family is one character to people, and must not be cut in two. */
const GRAPHEMES = new Intl.Segmenter();

/** Cuts in the middle: the end of a branch or a host name tells as much as its beginning. */
function shorten(text: string, maxLength: number): string {
  const characters = Array.from(GRAPHEMES.segment(text), ({ segment }) => segment);
  if (characters.length <= maxLength) return text;
  const head = Math.ceil((maxLength - 1) * 0.6);
  const tail = maxLength - 1 - head;
  return `${characters.slice(0, head).join('')}…${characters.slice(-tail).join('')}`;
}
