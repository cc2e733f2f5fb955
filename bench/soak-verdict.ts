// What a soak comes to: rules over its samples. Each is stated in bench/README.md.
import { median } from './compare-table.ts';

/** Once a second. */
export interface SoakSample {
  readonly seconds: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  /** Of the last second, the slowest thread's. */
  readonly loopP99Ms: number;
  readonly fds: number;
  /** Since the sample before. */
  readonly answered: number;
}

export interface SoakCounts {
  /** Requests that the rate asked for. */
  readonly planned: number;
  readonly sent: number;
  /** Answers that were not the expected one, and requests without an answer. */
  readonly unexpected: number;
}

export interface Rule {
  readonly name: string;
  readonly told: string;
  /** Undefined: reported, not judged. */
  readonly holds: boolean | undefined;
}

/**
 * Memories that are bounded may still be filling: the front of the key index takes 250 bytes for each of the first 100,000
 * keys, which at the soak's rate is 0.9 MiB a minute.
 */
export const MOST_MIB_A_MINUTE = 2;
/** In less time a heap that has not found its size yet looks like a leak. */
export const MEMORY_JUDGED_FROM_SECONDS = 240;
const WINDOW_SECONDS = 10;
/** As many as the load has connections: how many of them are open changes from second to second. */
const MOST_MORE_FDS = 64;
const LEAST_SHARE_SENT = 0.95;
const MIB = 2 ** 20;

/** The slope of a line through points by Theil and Sen: the median of all pairs' slopes, which outliers do not move. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes: number[] = [];
  for (const [at, [x, y]] of points.entries()) {
    for (const [laterX, laterY] of points.slice(at + 1)) if (laterX !== x) slopes.push((laterY - y) / (laterX - x));
  }
  return slopes.length === 0 ? 0 : median(slopes);
}

/** The lowest of each window: what a collection leaves, not what waits for it. */
function lowest(samples: readonly SoakSample[], of: (sample: SoakSample) => number): [number, number][] {
  const windows = new Map<number, [number, number]>();
  for (const sample of samples) {
    const window = Math.floor(sample.seconds / WINDOW_SECONDS);
    const least = windows.get(window);
    if (least === undefined || of(sample) < least[1]) windows.set(window, [sample.seconds, of(sample)]);
  }
  return [...windows.values()];
}

function memoryRule(name: string, samples: readonly SoakSample[], of: (sample: SoakSample) => number): Rule {
  const spanSeconds = (samples.at(-1)?.seconds ?? 0) - (samples[0]?.seconds ?? 0);
  const aMinute = (slopeOf(lowest(samples, of)) * 60) / MIB;
  const told = `${aMinute.toFixed(2)} MiB a minute, at most ${MOST_MIB_A_MINUTE} is allowed`;
  if (spanSeconds >= MEMORY_JUDGED_FROM_SECONDS) return { name, told, holds: aMinute <= MOST_MIB_A_MINUTE };
  return { name, told: `${told}; not judged, too short after warm-up`, holds: undefined };
}

function fdsRule(samples: readonly SoakSample[]): Rule {
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const first = median(samples.slice(0, quarter).map(({ fds }) => fds));
  const last = median(samples.slice(-quarter).map(({ fds }) => fds));
  const told = `${first} at first, ${last} at last; at most ${MOST_MORE_FDS} more are allowed`;
  return { name: 'file descriptors', told, holds: last <= first + MOST_MORE_FDS };
}

/** @param samples all; those of the warm-up are left out */
export function judge(samples: readonly SoakSample[], warmUpSeconds: number, counts: SoakCounts): Rule[] {
  const after = samples.filter(({ seconds }) => seconds >= warmUpSeconds);
  if (after.length < 2) return [{ name: 'samples', told: 'too few after the warm-up', holds: false }];
  const { planned, sent, unexpected } = counts;
  const loop = after.map(({ loopP99Ms }) => loopP99Ms);
  return [
    { name: 'answers', told: `${unexpected} of ${sent} were not the expected ones`, holds: unexpected === 0 },
    { name: 'rate', told: `${sent} of ${planned} planned requests sent`, holds: sent >= LEAST_SHARE_SENT * planned },
    memoryRule('resident memory', after, ({ rssBytes }) => rssBytes),
    memoryRule('heap and buffers', after, ({ heapBytes, externalBytes }) => heapBytes + externalBytes),
    fdsRule(after),
    {
      name: 'event loop',
      told: `p99 of a second: median ${median(loop).toFixed(1)} ms, worst ${Math.max(...loop).toFixed(1)} ms`,
      holds: undefined,
    },
  ];
}

export const passed = (rules: readonly Rule[]): boolean => rules.every(({ holds }) => holds !== false);

const WORDS = { true: 'holds', false: 'FAILS', undefined: 'reported' } as const;

/** As a Markdown table. */
export function verdictTable(rules: readonly Rule[]): string {
  const rows = rules.map(({ name, told, holds }) => `| ${name} | ${told} | ${WORDS[`${holds}`]} |`);
  return ['| Rule | | |', '|---|---|---|', ...rows].join('\n');
}
