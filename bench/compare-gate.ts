// The regression gate: ratios of the gateway to its peers that may not be exceeded. Never absolute times: those are the
// machine's.
import { readFileSync } from 'node:fs';
import type { Report } from './compare-table.ts';

/** Workload -> peer -> the largest ratio allowed, at 64 connections with the embedded store. */
export type Gate = Readonly<Record<string, Readonly<Record<string, number>>>>;

const CONNECTIONS = 64;

export function readGate(): Gate {
  return JSON.parse(readFileSync(new URL('gate.json', import.meta.url), 'utf8')) as Gate;
}

/** @returns a sentence for each ratio that is above the gate's; what was not measured is not held to it */
export function overGate({ cells }: Pick<Report, 'cells'>, gate: Gate): string[] {
  return cells
    .filter(({ connections }) => connections === CONNECTIONS)
    .flatMap(({ workload, lines }) =>
      lines.flatMap(({ name, ratio }) => {
        const most = gate[workload]?.[name];
        if (most === undefined || ratio === null || ratio <= most) return [];
        return [`${workload}: ${ratio.toFixed(2)} times ${name}, the gate allows ${most}`];
      }),
    );
}
