// `npm run bench:growth`: its rules on made-up rounds, its arguments, and all of it once, small.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DIMENSIONS, type Dimension } from '../../bench/growth-cases.ts';
import { accountName } from '../../bench/growth-load.ts';
import type { SizeMeasured } from '../../bench/growth-run.ts';
import { type DimensionReport, growthPlot, growthTable, overBound, reportDimension } from '../../bench/growth-table.ts';
import { svgOf } from '../../bench/lib/plot.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { needs } from '../support/needs.ts';
import { ROOT, run } from '../support/process.ts';

const GROWTH = join(ROOT, 'bench/growth.ts');
/** Ten gateways start, two at a time, on a machine that may be busy. */
const WITHIN_MS = 300_000;

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

const growth = (...args: readonly string[]) => run(process.execPath, [GROWTH, ...args]);
const size = (count: number, cpuUs: readonly number[], failed = 0): SizeMeasured => ({
  ...{ size: count, cpuUs, failed, requests: 1000 },
  ...{ rssStartBytes: 100 * 2 ** 20, rssEndBytes: 200 * 2 ** 20 },
});

describe('what the rounds come to', () => {
  const [dimension] = DIMENSIONS as [Dimension];

  it('is the median of the rounds’ own ratios: what slows the machine down for a round slows all sizes down', () => {
    const { lines } = reportDimension(dimension, [size(1, [100, 300, 100]), size(100, [110, 330, 108])]);
    expect(lines.map(({ ratio }) => ratio)).toEqual([1, 1.1]);
    expect(lines.map(({ cpuUs }) => cpuUs)).toEqual([100, 110]);
  });

  it('is above the bound when the largest size costs more than 1.15 times the smallest', () => {
    const of = (largest: number): DimensionReport => reportDimension(dimension, [size(1, [100]), size(9, [largest])]);
    expect(overBound(of(115))).toEqual([]);
    expect(overBound(of(115.1))).toEqual([
      'Accounts in the directory: 1.151 times the smallest, at most 1.15 is allowed',
    ]);
  });

  it('is not good where requests were refused, or nothing could be told', () => {
    const refused = reportDimension(dimension, [size(1, [100]), size(9, [100], 3)]);
    expect(overBound(refused)).toEqual(['Accounts in the directory: 3 requests were refused or not answered']);
    expect(overBound(reportDimension(dimension, [size(1, [0]), size(9, [0])]))).toHaveLength(1);
  });

  it('is a table and a plot', () => {
    const report = reportDimension(dimension, [size(1, [100]), size(1_000_000, [112])]);
    expect(growthTable(report)).toContain('| 1,000,000 | 112.0 | 1.120 | 100 / 200 |');
    const svg = svgOf(growthPlot(report, 'one round'));
    expect(svg).toMatch(/^<svg width="860"/);
    for (const text of ['Accounts in the directory', 'one round', '1M', '1.12', 'at most 1.15'])
      expect(svg).toContain(text);
  });
});

it('names its members alike in load and store', () => {
  // growth.lua puts the digits between whole groups of base64: their places are multiples of three bytes.
  const name = accountName(1_234_567);
  expect(name).toBe('person001234567@growth.example');
  expect(name.indexOf('0') % 3).toBe(0);
  expect(name.indexOf('@') % 3).toBe(0);
});

it('says what there is when it is given other parts, and that a quick run is no gate', async () => {
  expect(await growth('--only', 'accounts,users')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('There are accounts, rules, keys, addresses, regions, idle.'),
  });
  expect(await growth('--gate', '--quick')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('not for --quick'),
  });
  expect(await growth('--rounds', '0')).toMatchObject({ code: 1, stderr: expect.stringContaining('1 or more') });
});

const installed = needs('wrk', 'apt-get install wrk') && needs('nginx', 'apt-get install nginx-light');
describe.skipIf(process.platform !== 'linux' || !installed)('all of it, small', () => {
  it(
    'answers every request of every member, and writes tables, plots and JSON',
    async () => {
      const { code, stdout, stderr } = await growth('--quick', '--seconds', '1', '--idle', '50', '--out', folder.path);
      expect(stderr).toContain(`written to ${folder.path}`);
      expect(code).toBe(0);
      const { dimensions, idle } = JSON.parse(readFileSync(join(folder.path, 'growth.json'), 'utf8')) as {
        dimensions: readonly DimensionReport[];
        idle: { connections: number };
      };
      expect(dimensions.map(({ name }) => name)).toEqual(DIMENSIONS.map(({ name }) => name));
      for (const { name, title, lines } of dimensions) {
        expect(lines, name).toHaveLength(2);
        for (const line of lines) expect(line, name).toMatchObject({ failed: 0, rounds: [expect.any(Number)] });
        expect(existsSync(join(folder.path, `growth-${name}.svg`)), name).toBe(true);
        expect(stdout).toContain(`**${title}**`);
      }
      expect(idle.connections).toBe(50);
    },
    WITHIN_MS,
  );
});
