// What the rounds of growth come to: ratios, table, plot, and what is above the bound.
import { median } from './compare-table.ts';
import type { Dimension } from './growth-cases.ts';
import type { SizeMeasured } from './growth-run.ts';
import type { Plot } from './lib/plot.ts';

/** The cost of a request at the largest size over that at the smallest: issue 5's bound. */
export const BOUND = 1.15;

export interface SizeLine {
  readonly size: number;
  readonly cpuUs: number;
  /** Median over rounds of: CPU a request at this size over that at the smallest in the same round. */
  readonly ratio: number;
  readonly failed: number;
  readonly rssStartBytes: number;
  readonly rssEndBytes: number;
  readonly rounds: readonly number[];
}

export interface DimensionReport {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly about: string;
  readonly lines: readonly SizeLine[];
}

/** @param measured the smallest size first */
export function reportDimension(dimension: Dimension, measured: readonly SizeMeasured[]): DimensionReport {
  const { name, title, unit, about } = dimension;
  const [smallest] = measured;
  const lines = measured.map(({ size, cpuUs, failed, rssStartBytes, rssEndBytes }): SizeLine => {
    const ratios = cpuUs.map((each, round) => each / (smallest?.cpuUs[round] ?? Number.NaN));
    return { size, cpuUs: median(cpuUs), ratio: median(ratios), failed, rssStartBytes, rssEndBytes, rounds: cpuUs };
  });
  return { name, title, unit, about, lines };
}

/** @returns a sentence where the largest size costs more than the bound allows, or something was not answered as it has to be */
export function overBound({ title, lines }: DimensionReport): string[] {
  const largest = lines.at(-1);
  const failed = lines.reduce((sum, line) => sum + line.failed, 0);
  const sentences: string[] = [];
  if (largest !== undefined && !(largest.ratio <= BOUND)) {
    sentences.push(`${title}: ${largest.ratio.toFixed(3)} times the smallest, at most ${BOUND} is allowed`);
  }
  if (failed > 0) sentences.push(`${title}: ${failed} requests were refused or not answered`);
  return sentences;
}

const number = (value: number, digits = 0): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const mebibytes = (bytes: number): string => number(bytes / 2 ** 20);

export function growthTable({ title, about, unit, lines }: DimensionReport): string {
  return [
    `**${title}**: ${about}`,
    '',
    `| ${unit} | CPU µs a request | to the smallest | RSS MiB at the start / end |`,
    '|---:|---:|---:|---:|',
    ...lines.map(({ size, cpuUs, ratio, failed, rssStartBytes, rssEndBytes }) => {
      const name = failed === 0 ? number(size) : `${number(size)} (${number(failed)} failed)`;
      const rss = `${mebibytes(rssStartBytes)} / ${mebibytes(rssEndBytes)}`;
      return `| ${name} | ${number(cpuUs, 1)} | ${number(ratio, 3)} | ${rss} |`;
    }),
  ].join('\n');
}

/** The ratios, not the times: those are the machine's. */
export function growthPlot({ title, about, unit, lines }: DimensionReport, subtitle: string): Plot {
  const points = lines.map(({ size, ratio }) => [size, ratio] as const);
  const labels = lines.map(({ ratio }) => ratio.toFixed(2));
  return {
    title: `${title}: the cost of a request`,
    subtitle,
    panels: [
      {
        title: about,
        x: { name: unit, log: true },
        y: { name: 'CPU a request, to the smallest', fromZero: true },
        series: [{ name: 'gateway', points, labels }],
        bound: { at: BOUND, name: `at most ${BOUND}` },
      },
    ],
  };
}
