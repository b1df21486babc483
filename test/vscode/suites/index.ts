import { globSync } from 'node:fs';
import Mocha from 'mocha';
import { runMocha, saveResults } from '../harness/mocha-result.ts';

/** Called by VS Code in the extension host; a rejection makes the run fail. */
export async function run(): Promise<void> {
  const grep = process.env.PEERWEAVE_TEST_GREP;
  const mocha = new Mocha({ ui: 'bdd', timeout: 30_000, ...(grep === undefined ? {} : { grep }) });
  for (const file of globSync('*.test.cjs', { cwd: __dirname }).sort()) mocha.addFile(`${__dirname}/${file}`);
  await mocha.loadFilesAsync();
  const results = await runMocha(mocha);
  const file = process.env.PEERWEAVE_TEST_RESULT;
  if (file !== undefined) await saveResults(file, results);
  if (results.some(({ error }) => error !== undefined)) throw new Error('Tests failed');
}
