// `npm run bench:start` once, from the sources.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { ROOT, run } from '../support/process.ts';

const START = join(ROOT, 'bench/start.ts');
const WITHIN_MS = 120_000;

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

it(
  'tells how long a start takes until it listens, and until it is ready',
  async () => {
    const out = join(folder.path, 'start.json');
    const { code, stdout } = await run(process.execPath, [START, '--rounds', '1', '--from', 'src', '--out', out]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\| src, code compiled before \|( \d+ \|){4}$/m);
    const { lines } = JSON.parse(readFileSync(out, 'utf8'));
    expect(lines).toHaveLength(2);
    for (const { listeningMs, readyMs } of lines) {
      expect(listeningMs).toBeGreaterThan(0);
      expect(readyMs).toBeGreaterThanOrEqual(listeningMs);
    }
  },
  WITHIN_MS,
);

it(
  'fails within a time that no start keeps, and says what its arguments may be',
  async () => {
    const within = ['--rounds', '1', '--from', 'src', '--within', '1', '--out', join(folder.path, 'start.json')];
    // Only dist is held to it: nothing was measured of that here.
    expect(await run(process.execPath, [START, ...within])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not within 1 ms'),
    });
    expect(await run(process.execPath, [START, '--from', 'bin'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('src, dist, or both'),
    });
  },
  WITHIN_MS,
);
