import { defineConfig } from 'vitest/config';

/** Tests that put the machine under load, or that a loaded machine would disturb: one after the other. */
const alone = [
  'bench',
  'fault',
  'fleet',
  'fuzz',
  'limit',
  'listener',
  'package',
  'prometheus',
  'robustness',
  'store',
  'workers',
].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: alone,
          sequence: { groupOrder: 0 },
          maxWorkers: 2,
        },
      },
      { extends: true, test: { name: 'alone', include: alone, sequence: { groupOrder: 1 }, maxWorkers: 1 } },
    ],
  },
});
