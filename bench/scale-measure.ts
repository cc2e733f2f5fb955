// What the measurements of scale share: times of calls, and what an engine says of itself.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { RedisServer } from '../test/support/redis.ts';

/** One line of a table. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
}

export interface Section {
  readonly title: string;
  readonly figures: readonly Figure[];
}

export interface Times {
  readonly perSecond: number;
  /** Microseconds of one call. */
  readonly medianUs: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

/** Repetitions of what is short enough for it: their median is told. */
const ROUNDS = 3;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function timesOf(callsMs: number[], totalMs: number): Times {
  callsMs.sort((one, other) => one - other);
  const at = (share: number): number => (callsMs[Math.floor(share * (callsMs.length - 1))] ?? Number.NaN) * 1000;
  return { perSecond: (callsMs.length / totalMs) * 1000, medianUs: at(0.5), p99Us: at(0.99), maxUs: at(1) };
}

/** Makes `count` calls, `concurrency` of them at a time. `call` throws where the answer is not the expected one. */
export async function timeCalls(count: number, concurrency: number, call: (at: number) => unknown): Promise<Times> {
  const callsMs: number[] = [];
  let next = 0;
  async function lane(): Promise<void> {
    while (next < count) {
      const at = next++;
      const startMs = performance.now();
      const answer = call(at);
      if (answer instanceof Promise) await answer;
      callsMs.push(performance.now() - startMs);
    }
  }
  const startMs = performance.now();
  await Promise.all(Array.from({ length: concurrency }, lane));
  return timesOf(callsMs, performance.now() - startMs);
}

/** The median of several rounds, each figure by itself. */
export async function rounds(measure: (round: number) => Promise<Times>): Promise<Times> {
  const all: Times[] = [];
  for (let round = 0; round < ROUNDS; round++) all.push(await measure(round));
  const of = (pick: (times: Times) => number): number => median(all.map(pick));
  return {
    perSecond: of((times) => times.perSecond),
    medianUs: of((times) => times.medianUs),
    p99Us: of((times) => times.p99Us),
    maxUs: of((times) => times.maxUs),
  };
}

/** One at a time for latency, many at a time for the rate. `latency.maxUs` is left to the machine. */
export function figuresOf(what: string, { latency, rate }: { latency: Times; rate: Times }, lanes: number): Figure[] {
  return [
    { what: `${what}, one at a time: median`, value: latency.medianUs, unit: 'us' },
    { what: `${what}, one at a time: p99`, value: latency.p99Us, unit: 'us' },
    { what: `${what}, ${lanes} at a time`, value: rate.perSecond, unit: '/s' },
  ];
}

/** A field of the engine's INFO, as a number. */
export async function infoOf(server: RedisServer, section: string, field: string): Promise<number> {
  const text = await server.cli('INFO', section);
  const line = text.split(/\r?\n/).find((candidate) => candidate.startsWith(`${field}:`));
  if (line === undefined) throw new Error(`the engine's INFO ${section} has no ${field}`);
  return Number(line.slice(field.length + 1));
}

export const usedMemory = (server: RedisServer): Promise<number> => infoOf(server, 'memory', 'used_memory');

/** CPU time of the thread that runs all commands, in microseconds since the engine's start. */
export async function engineCpuUs(server: RedisServer): Promise<number> {
  const user = await infoOf(server, 'cpu', 'used_cpu_user_main_thread');
  const system = await infoOf(server, 'cpu', 'used_cpu_sys_main_thread');
  return (user + system) * 1e6;
}

/** CPU time of the engine for each of `count` calls that `work` makes. */
export async function engineUsEach<T>(server: RedisServer, count: number, work: () => Promise<T>) {
  const beforeUs = await engineCpuUs(server);
  const result = await work();
  return { result, eachUs: ((await engineCpuUs(server)) - beforeUs) / count };
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Of this process, after a collection: objects and buffers. */
export function heapBytes(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const DIGITS = { us: 1, '/s': 0, bytes: 1, s: 2, ms: 1, MiB: 1, commands: 1 } as const;

/** A Markdown table for each section. */
export function tables(sections: readonly Section[]): string {
  return sections
    .map(({ title, figures }) => {
      const rows = figures.map(({ what, value, unit }) => `| ${what} | ${format(value, unit)} |`);
      return [`| ${title} | |`, '|---|---:|', ...rows].join('\n');
    })
    .join('\n\n');
}

function format(value: number, unit: string): string {
  const digits = unit in DIGITS ? DIGITS[unit as keyof typeof DIGITS] : 0;
  const text = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return unit === '/s' ? `${text}/s` : `${text} ${unit === 'us' ? 'µs' : unit}`;
}
