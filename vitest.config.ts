import { defineConfig } from 'vitest/config';

const suite = (name: string, testTimeout: number, more: { globalSetup?: string; retry?: number } = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout, ...more },
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
