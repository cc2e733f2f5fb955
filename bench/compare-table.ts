// What the rounds come to: medians, ratios of the gateway to each peer, and the tables.
import type { Cell, Measured, Sample } from './compare-run.ts';
import type { Machine } from './lib/machine.ts';

export interface Line {
  readonly name: string;
  readonly median: Omit<Sample, 'requests' | 'failed'>;
  /** Median over rounds of: CPU a request of the gateway over this one's in the same round. Null: too little to tell. */
  readonly ratio: number | null;
  /** Of all rounds. */
  readonly requests: number;
  readonly failed: number;
  readonly rounds: readonly Sample[];
}

export interface CellReport {
  readonly workload: string;
  readonly about: string;
  readonly connections: number;
  readonly lines: readonly Line[];
}

/** What is written as JSON. */
export interface Report {
  readonly takenAt: string;
  readonly machine: Machine;
  readonly store: string;
  readonly load: string;
  readonly upstream: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly closing: boolean;
  readonly cells: readonly CellReport[];
  /** Peers that are not installed, and how to install them. */
  readonly missing: readonly { readonly name: string; readonly install: string }[];
}

/** Of an even number of values: the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function lineOf(measured: Measured, gateway: Measured): Line {
  const { name, rounds } = measured;
  const of = (pick: (sample: Sample) => number): number => median(rounds.map(pick));
  const ratio = median(rounds.map((sample, at) => (gateway.rounds[at]?.cpuUs ?? Number.NaN) / sample.cpuUs));
  return {
    name,
    median: {
      cpuUs: of((sample) => sample.cpuUs),
      perSecond: of((sample) => sample.perSecond),
      p50Us: of((sample) => sample.p50Us),
      p99Us: of((sample) => sample.p99Us),
      rssBytes: of((sample) => sample.rssBytes),
    },
    ratio: Number.isFinite(ratio) ? ratio : null,
    requests: rounds.reduce((sum, sample) => sum + sample.requests, 0),
    failed: rounds.reduce((sum, sample) => sum + sample.failed, 0),
    rounds,
  };
}

/** @param measured the gateway first */
export function reportCell({ workload, connections }: Cell, measured: readonly Measured[]): CellReport {
  const [gateway] = measured;
  const lines = gateway === undefined ? [] : measured.map((one) => lineOf(one, gateway));
  return { workload: workload.name, about: workload.about, connections, lines };
}

const number = (value: number, digits = 0): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const milliseconds = (us: number): string => number(us / 1000, 2);

function row({ name, median: { cpuUs, perSecond, p50Us, p99Us, rssBytes }, ratio, failed }: Line): string {
  const cells = [
    failed === 0 ? name : `${name} (${number(failed)} failed)`,
    number(cpuUs, 1),
    number(perSecond),
    milliseconds(p50Us),
    milliseconds(p99Us),
    number(rssBytes / 2 ** 20),
    ratio === null ? '-' : number(ratio, 2),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** A Markdown table for each cell. */
export function tableOf({ workload, about, connections, lines }: CellReport): string {
  const plural = connections === 1 ? 'connection' : 'connections';
  return [
    `**${workload}**: ${about}; ${number(connections)} ${plural}`,
    '',
    '| | CPU µs a request | requests/s | p50 ms | p99 ms | RSS MiB | gateway/this |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...lines.map(row),
  ].join('\n');
}
