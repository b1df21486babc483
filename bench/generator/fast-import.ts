import { createRandom, incompressible } from './random.ts';
import { linesPerEdit, planHistory, type PlannedFile } from './history.ts';
import type { RepositoryShape } from './shape.ts';
import { SourceText } from './source-text.ts';

interface Change {
  readonly path: string;
  readonly mark: number;
}

/** Every 25 commits the last five are a topic branch that is merged; every 500 commits there is a tag. */
const TOPIC_EVERY = 25;
const TOPIC_LENGTH = 5;
const TAG_EVERY = 500;
const EPOCH = 1_600_000_000;
const AUTHORS = ['Ada', 'Barbara', 'Edsger', 'Grace', 'Ken', 'Margaret'];

/**
 * The repository as a stream for git-fast-import(1). All versions of a file follow one another, for fast-import looks for a
 * delta only against the blob before.
 */
export function* fastImportStream(shape: RepositoryShape): Generator<Buffer | string> {
  const files = planHistory(shape);
  const changes: Change[][] = Array.from({ length: shape.commits }, () => []);
  yield* blobs(shape, files, changes);
  yield* commits(shape, changes);
}

function* blobs(
  shape: RepositoryShape,
  files: readonly PlannedFile[],
  changes: readonly Change[][],
): Generator<Buffer | string> {
  const text = new SourceText(createRandom(`${shape.seed}/text`));
  const random = createRandom(`${shape.seed}/edits`);
  const length = linesPerEdit(shape, files);
  let mark = 0;
  for (const { path, kind, size, versions } of files) {
    const lines = kind === 'text' ? text.lines(size) : [];
    for (const [version, commit] of versions.entries()) {
      const content = kind === 'binary' ? incompressible(`${shape.seed}/${mark}`, size) : undefined;
      if (kind === 'text' && version > 0) edit(lines, random.between(1, 2 * length - 1));
      const body = content ?? Buffer.from(`${lines.join('\n')}\n`);
      changes[commit]!.push({ path, mark: ++mark });
      yield `blob\nmark :${mark}\ndata ${body.length}\n`;
      yield body;
      yield '\n';
    }
  }

  /** Replaces lines in up to three places by a little more, for code grows: git packs the longest version of a file whole. */
  function edit(lines: string[], total: number): void {
    const places = random.between(1, 3);
    for (let place = 0; place < places; place++) {
      const count = Math.min(Math.ceil(total / places), lines.length);
      const at = random.below(lines.length - count + 1);
      lines.splice(at, count, ...text.lines(count + (place === 0 ? 1 : 0)));
    }
  }
}

function* commits(shape: RepositoryShape, changes: readonly Change[][]): Generator<string> {
  const offset = 1 + changes.reduce((sum, list) => sum + list.length, 0);
  const random = createRandom(`${shape.seed}/messages`);
  let tip = 0;
  let topic: { mark: number; changes: Change[] } | undefined;
  let mark = offset;
  for (const [number, list] of changes.entries()) {
    const onTopic = number % TOPIC_EVERY >= TOPIC_EVERY - TOPIC_LENGTH;
    const parent = onTopic ? (topic?.mark ?? tip) : tip;
    const branch = onTopic ? `refs/heads/topic` : 'refs/heads/main';
    yield commit(branch, ++mark, number, `Change ${number}: ${random.pick(AUTHORS)}'s part`, parent, list);
    if (onTopic) topic = { mark, changes: [...(topic?.changes ?? []), ...list] };
    else tip = mark;
    if (topic !== undefined && (number % TOPIC_EVERY === TOPIC_EVERY - 1 || number === changes.length - 1)) {
      const merged = topic;
      yield commit('refs/heads/main', ++mark, number, `Merge topic ${number}`, tip, merged.changes, merged.mark);
      tip = mark;
      topic = undefined;
    }
    if (number % TAG_EVERY === TAG_EVERY - 1)
      yield `reset refs/tags/v1.${Math.floor(number / TAG_EVERY)}\nfrom :${tip}\n\n`;
  }
}

function commit(
  branch: string,
  mark: number,
  number: number,
  message: string,
  parent: number,
  changes: readonly Change[],
  merge?: number,
): string {
  const author = AUTHORS[number % AUTHORS.length]!;
  const who = `${author} <${author.toLowerCase()}@example.org> ${EPOCH + number * 3_600} +0000`;
  return [
    `commit ${branch}`,
    `mark :${mark}`,
    `author ${who}`,
    `committer ${who}`,
    `data ${message.length}`,
    message,
    ...(parent === 0 ? [] : [`from :${parent}`]),
    ...(merge === undefined ? [] : [`merge :${merge}`]),
    ...changes.map(({ path, mark: blob }) => `M 100644 :${blob} ${path}`),
    '',
    '',
  ].join('\n');
}
