/** One configuration for every test; a run names its folder: `vitest --config test/vitest.config.ts packages/routing`. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    pool: 'forks',
    maxWorkers: 2,
    // CI shares two cores with nobody knows whom. A failed test is run once more and shown as `retry x1`: a real fault fails
    // twice, and one that does not is looked at all the same (CONTRIBUTING.md). At a desk nothing is repeated.
    retry: process.env['CI'] === undefined ? 0 : 1,
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
