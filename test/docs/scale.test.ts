// docs/scale.md computes from what it measured, and what it measured can be measured again.
import { describe, expect, it } from 'vitest';
import { readDocument } from '../support/markdown.ts';
import { ROOT, run } from '../support/process.ts';
import { HAS_REDIS } from '../support/redis.ts';

const document = readDocument('docs/scale.md');

/** The numbers in the row that begins with `name`; in each cell the first one. */
function rowOf(name: string): number[] {
  const line = document.split('\n').find((candidate) => candidate.startsWith(`| ${name} |`));
  if (line === undefined) throw new Error(`no row ${name}`);
  const cells = line.split('|').slice(2, -1);
  return cells.map((cell) => Number(/[\d.]+/.exec(cell.replaceAll(',', ''))?.[0]));
}

describe('the computed figures', () => {
  const mix = (column: number): number =>
    0.2 * (rowOf('create, account')[column] ?? Number.NaN) +
    0.2 * (rowOf('retrieve, account, key made at another gateway')[column] ?? Number.NaN) +
    0.2 * (rowOf('retrieve, anonymous, key made at another gateway')[column] ?? Number.NaN) +
    0.4 * (rowOf('private metadata, account, key remembered')[column] ?? Number.NaN);
  const [, gateway = '', engine = ''] =
    /\*\*([\d,]+) requests\/s a gateway process, ([\d,]+) requests\/s an engine node\*\*/.exec(document) ?? [];
  const planned = [gateway, engine].map((text) => Number(text.replace(',', '')));

  it('of a process and a node follow from the CPU times of the mix', () => {
    expect(document).toContain(`= ${Math.round(mix(2))} µs`);
    expect(document).toContain(`= ${Math.round(mix(1))} µs`);
    expect(Math.abs((planned[0] ?? 0) / ((0.6 * 1e6) / mix(2)) - 1)).toBeLessThan(0.01);
    expect(Math.abs((planned[1] ?? 0) / ((0.6 * 1e6) / mix(1)) - 1)).toBeLessThan(0.01);
  });

  it.each([1_000, 100_000, 1_000_000])('of %i requests a second follow from these and the bytes of a key', (rate) => {
    const [, bytes = Number.NaN] = [0, ...rowOf('key, of 10,000,000 (SQLite: of 1,000,000)')];
    const byKeys = (days: number): number => Math.ceil((rate * 0.2 * 2 * days * 86_400 * bytes) / 25e9);
    const [gateways, nodes, oneDay, longest] = rowOf(rate.toLocaleString('en'));
    expect([gateways, nodes]).toEqual(planned.map((carries) => Math.ceil(rate / carries)));
    expect([oneDay, longest]).toEqual([byKeys(1), byKeys(28)]);
  });
});

describe.skipIf(!HAS_REDIS)('the bench', () => {
  it('measures every part that needs no gateway, at a small size, and prints what it found as JSON', async () => {
    const env = {
      SCALE: undefined,
      SCALE_ONLY: 'accounts,keys,shared,sqlite',
      SCALE_ACCOUNTS: '2000',
      SCALE_KEYS: '2000',
      SCALE_SQLITE_KEYS: '2000',
      SCALE_SHARED: '200',
      SCALE_CALLS: '100',
    };
    const { code, stdout, stderr } = await run(process.execPath, [`${ROOT}bench/scale.ts`], { env });
    expect(code, stderr).toBe(0);
    const { sections } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as {
      sections: { title: string; figures: { what: string; value: number; unit: string }[] }[];
    };
    expect(sections.map(({ figures }) => figures.length)).toEqual([24, 13, 11, 24, 11]);
    // What could not be measured is null in JSON. At this size memory and CPU time may not have moved.
    for (const { what, value, unit } of sections.flatMap(({ figures }) => figures)) {
      expect(value, what).toBeTypeOf('number');
      if (unit === '/s') expect(value, what).toBeGreaterThan(0);
    }
  }, 60_000);
});
