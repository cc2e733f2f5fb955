// `npm run soak`: its rules on made-up samples, its arguments, and a few seconds of it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judge, passed, type Rule, type SoakSample, slopeOf } from '../../bench/soak-verdict.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { ROOT, run, start } from '../support/process.ts';

const SOAK = join(ROOT, 'bench/soak.ts');
const WITHIN_MS = 120_000;
const MIB = 2 ** 20;

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

const soak = (...args: readonly string[]) => run(process.execPath, [SOAK, ...args]);

/** Ten minutes, a sample a second. */
function samplesOf(more: (seconds: number) => Partial<SoakSample>): SoakSample[] {
  return Array.from({ length: 600 }, (_, at) => ({
    ...{ seconds: at + 1, rssBytes: 200 * MIB, heapBytes: 60 * MIB, externalBytes: 10 * MIB },
    ...{ loopP99Ms: 12, fds: 80, answered: 200 },
    ...more(at + 1),
  }));
}

const GOOD = { planned: 1000, sent: 1000, unexpected: 0 };
const rule = (rules: readonly Rule[], name: string): Rule | undefined => rules.find((one) => one.name === name);
const failing = (rules: readonly Rule[]): string[] =>
  rules.filter(({ holds }) => holds === false).map(({ name }) => name);

describe('the slope', () => {
  it('is that of the line, whatever a few points far from it say', () => {
    const line = Array.from({ length: 50 }, (_, at) => [at, 3 * at + 7] as const);
    expect(slopeOf(line)).toBe(3);
    expect(slopeOf(line.map(([x, y]) => [x, x % 10 === 0 ? 1e6 : y] as const))).toBeCloseTo(3, 0);
    expect(slopeOf([[1, 1]])).toBe(0);
  });
});

describe('the verdict', () => {
  it('holds for a saw of allocations and collections, and for what the warm-up took', () => {
    const samples = samplesOf((seconds) => ({
      rssBytes: (seconds < 120 ? 100 + seconds / 2 : 200) * MIB,
      heapBytes: (60 + (seconds % 7) * 5) * MIB,
    }));
    const rules = judge(samples, 120, GOOD);
    expect(failing(rules)).toEqual([]);
    expect(passed(rules)).toBe(true);
  });

  it('fails for memory that grows by more than two MiB a minute, beneath any saw', () => {
    const leak = judge(
      samplesOf((seconds) => ({ heapBytes: (60 + (seconds * 3) / 60 + (seconds % 7) * 5) * MIB })),
      120,
      GOOD,
    );
    expect(failing(leak)).toEqual(['heap and buffers']);
    const resident = judge(
      samplesOf((seconds) => ({ rssBytes: (200 + (seconds * 2.1) / 60) * MIB })),
      120,
      GOOD,
    );
    expect(failing(resident)).toEqual(['resident memory']);
    const slow = judge(
      samplesOf((seconds) => ({ rssBytes: (200 + (seconds * 1.9) / 60) * MIB })),
      120,
      GOOD,
    );
    expect(failing(slow)).toEqual([]);
  });

  it('does not judge memory after too short a time, and says so', () => {
    const samples = samplesOf((seconds) => ({ rssBytes: seconds * MIB })).slice(0, 200);
    const rules = judge(samples, 60, GOOD);
    expect(rule(rules, 'resident memory')).toMatchObject({
      holds: undefined,
      told: expect.stringContaining('too short'),
    });
    expect(passed(rules)).toBe(true);
  });

  it('fails for descriptors that are not given back, for one answer that is not the expected one, and for a rate not kept', () => {
    expect(
      failing(
        judge(
          samplesOf((seconds) => ({ fds: 80 + seconds / 4 })),
          120,
          GOOD,
        ),
      ),
    ).toEqual(['file descriptors']);
    const wrong = judge(
      samplesOf(() => ({})),
      120,
      { ...GOOD, unexpected: 1 },
    );
    expect(failing(wrong)).toEqual(['answers']);
    expect(
      failing(
        judge(
          samplesOf(() => ({})),
          120,
          { ...GOOD, sent: 949 },
        ),
      ),
    ).toEqual(['rate']);
  });

  it('fails where there is nothing to judge', () => {
    expect(passed(judge(samplesOf(() => ({})).slice(0, 60), 120, GOOD))).toBe(false);
  });
});

it('tells what is wrong with its arguments', async () => {
  expect(await soak('--minutes', '0')).toMatchObject({ code: 1, stderr: expect.stringContaining('above 0') });
  expect(await soak('--minutes', '100000')).toMatchObject({ code: 1, stderr: expect.stringContaining('a day') });
  expect(await soak('--upstream', 'apache')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('nginx or node'),
  });
});

describe.skipIf(process.platform !== 'linux')('a few seconds of it', () => {
  it(
    'sends everything, gets the expected answers, and writes JSON and plot',
    async () => {
      const small = ['--minutes', '0.1', '--warm-up', '1', '--rate', '100', '--upstream', 'node', '--out', folder.path];
      const { code, stdout, stderr } = await soak(...small);
      expect(stderr).toContain(`passed; written to ${folder.path}`);
      expect(code).toBe(0);
      const report = JSON.parse(readFileSync(join(folder.path, 'soak.json'), 'utf8'));
      expect(report).toMatchObject({ verdict: 'passed', upstream: 'node', counts: { unexpected: 0 }, examples: [] });
      // The greedy address is refused once its allowance is spent.
      expect(report.refused).toBeGreaterThan(0);
      for (const { rssBytes, heapBytes, fds } of report.samples as SoakSample[]) {
        expect(rssBytes).toBeGreaterThan(heapBytes);
        expect(fds).toBeGreaterThan(10);
      }
      expect(readFileSync(join(folder.path, 'soak.svg'), 'utf8')).toContain('Open file descriptors');
      expect(stdout).toContain('| answers | 0 of');
    },
    WITHIN_MS,
  );

  it(
    'ends early at a signal, with a report',
    async () => {
      await using running = await start(process.execPath, [
        SOAK,
        '--minutes',
        '60',
        '--upstream',
        'node',
        '--out',
        folder.path,
      ]);
      await running.line(/60 minutes/);
      running.kill('SIGINT');
      expect(await running.exited).toEqual({ code: 130, signal: null });
      expect(running.stderr()).toContain('ended early');
      expect(existsSync(join(folder.path, 'soak.json'))).toBe(true);
    },
    WITHIN_MS,
  );
});
