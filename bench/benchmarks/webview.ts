import type { Browser, Page } from 'playwright-core';
import type { ConflictFileDetail } from '../../extension/src/rpc/conflicts.ts';
import { launchBrowser } from '../../test/support/browser.ts';
import { conflictOf, text, THEIRS } from '../../test/support/divergence.ts';
import { ResolutionPage } from '../../test/support/resolution-page.ts';
import type { BenchmarkOptions, BenchmarkResult } from '../benchmark.ts';
import { median } from '../measure/statistics.ts';

const LINES = 20_000;
const [BOBS] = THEIRS;
const PATH = 'src/generated.ts';

/** Files of as many lines, by what is different in them. */
const FILES = {
  'one conflict': change(LINES, 0),
  '1,000 conflicts, 1,000 changes of one side': change(20, 10),
  'every other line rewritten by both': change(2, 0),
} as const;

/**
 * The resolution page as it is shipped, in a real Chromium: from the opening of the page to the first hunk on the screen, and from a key to
 * the next picture. Beside it a page with the same bundle and nothing to show, in turns, so that what else the machine does falls on all.
 */
export async function benchmarkWebview({ rounds, say }: BenchmarkOptions): Promise<BenchmarkResult> {
  const browser = await launchBrowser();
  const names = ['nothing to show', ...Object.keys(FILES)];
  const opened = new Map(names.map((name) => [name, [] as number[]]));
  const pressed = new Map(names.map((name) => [name, [] as number[]]));
  try {
    // Once for the caches of the disk.
    await once(browser, undefined);
    for (let round = 0; round < rounds * 3; round++) {
      say(`round ${round + 1}`);
      for (const name of names) {
        const { open, key } = await once(browser, FILES[name as keyof typeof FILES]);
        opened.get(name)?.push(open);
        if (key !== undefined) pressed.get(name)?.push(key);
      }
    }
  } finally {
    await browser.close();
  }
  return summarise(opened, pressed);
}

interface Times {
  /** Milliseconds from the beginning of the navigation. */
  readonly open: number;
  /** Milliseconds from a key that decides to the next picture. */
  readonly key: number | undefined;
}

async function once(browser: Browser, file: ConflictFileDetail | undefined): Promise<Times> {
  const { page, problems } = await ResolutionPage.open(browser, { script: hostOf(file) });
  try {
    const open = await page.evaluate<number>('window.shown');
    const key = file === undefined ? undefined : await timeKey(page);
    if (problems.length > 0) throw new Error(problems.join('\n'));
    return { open, key };
  } finally {
    await page.close();
  }
}

/** A host in the page itself: what it answers is there, as it would be by the time that an engine had read it. */
function hostOf(file: ConflictFileDetail | undefined): string {
  const conflict = {
    type: 'conflict',
    repo: '/repos/demo',
    detail: conflictOf(file === undefined ? [] : [PATH], [BOBS]),
    proposedMessage: 'Merge main of Bob',
  };
  const wanted = file === undefined ? 'footer' : '.region.here .sides';
  return `
    const answers = { ready: ${JSON.stringify(conflict)}, file: ${JSON.stringify({ type: 'file', theirs: BOBS, file })} };
    window.acquireVsCodeApi = () => ({
      postMessage: ({ type }) => answers[type] && window.postMessage(answers[type], '*'),
      getState: () => undefined,
      setState: () => undefined,
    });
    const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))));
    window.painted = painted;
    window.shown = new Promise((done) => {
      const look = new MutationObserver(() => {
        if (document.querySelector('${wanted}') === null) return;
        look.disconnect();
        done(painted());
      });
      look.observe(document, { childList: true, subtree: true });
    });`;
}

/** Inside the page, so that the way of the key to it does not count. */
async function timeKey(page: Page): Promise<number> {
  const script = `(async () => {
    const began = performance.now();
    window.dispatchEvent(new KeyboardEvent('keydown', { key: '1', bubbles: true }));
    return (await window.painted()) - began;
  })()`;
  return page.evaluate<number>(script);
}

/** We change every so many lines, so does Bob, and Bob others as well. */
function change(every: number, apart: number): ConflictFileDetail {
  const changed = (who: string, more: boolean): string =>
    Array.from({ length: LINES }, (_, n) => {
      const both = n % every === Math.min(500, every - 1);
      const one = more && apart > 0 && n % every === apart;
      return `${both || one ? `${who} ` : ''}line ${n} of many\n`;
    }).join('');
  const base = Array.from({ length: LINES }, (_, n) => `line ${n} of many\n`).join('');
  return { path: PATH, base: text(base), mine: text(changed('my', false)), theirs: text(changed('their', true)) };
}

function summarise(
  opened: ReadonlyMap<string, readonly number[]>,
  pressed: ReadonlyMap<string, readonly number[]>,
): BenchmarkResult {
  const ms = (values: readonly number[] | undefined): string =>
    values === undefined || values.length === 0 ? '' : `${median(values).toFixed(0)} ms`;
  const names = [...opened.keys()];
  return {
    tables: [
      {
        title: `The resolution page with a file of ${LINES} lines`,
        columns: ['what is different in it', 'open to first hunk', 'slowest', 'key to next picture'],
        rows: names.map((name) => [
          name,
          ms(opened.get(name)),
          `${Math.max(...(opened.get(name) ?? [])).toFixed(0)} ms`,
          ms(pressed.get(name)),
        ]),
      },
    ],
    targets: Object.keys(FILES).map((name) => ({
      what: `resolution page interactive, ${LINES} lines, ${name}`,
      value: median(opened.get(name) ?? []),
      limit: 500,
      unit: 'ms' as const,
    })),
    data: { opened: Object.fromEntries(opened), pressed: Object.fromEntries(pressed) },
  };
}
