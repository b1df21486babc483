import { defineConfig } from 'vitest/config';

const suite = (name: string, testTimeout: number, more: { globalSetup?: string } = {}) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: testTimeout,
    // What is waited for comes; on a busy machine it does not come within vitest's one second.
    expect: { poll: { timeout: testTimeout / 2 } },
    ...more,
  },
});

// Every suite starts real processes or burns CPU for itself, so files of one suite share the two cores modestly.
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      suite('unit', 20_000),
      suite('contract', 60_000),
      suite('sim', 300_000),
      suite('integration', 120_000, { globalSetup: 'test/support/build-bundles.ts' }),
      suite('nat', 300_000, { globalSetup: 'test/support/build-bundles.ts' }),
    ],
  },
});
