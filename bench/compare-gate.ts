// The regression gate: ratios of the gateway to its peers that may not be exceeded. Never absolute times: those are the
// machine's.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Report } from './compare-table.ts';

/** Workload -> peer -> the largest ratio allowed, at 64 connections with the embedded store. */
export type Gate = Readonly<Record<string, Readonly<Record<string, number>>>>;

export const GATE_CONNECTIONS = 64;
/** What is held: a retrieve, a refusal, an answer for which credentials and owner are checked. Each takes some two minutes. */
const HELD = ['retrieve', 'refused', 'metadata'];
/** Above what was reached. Two processes of the same code differ by a tenth: with a tenth the gate would fail by itself. */
const MARGIN = 1.25;

const FILE = fileURLToPath(new URL('gate.json', import.meta.url));

export function readGate(): Gate {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Gate;
}

export function writeGate(gate: Gate): void {
  writeFileSync(FILE, `${JSON.stringify(gate, undefined, 2)}\n`);
}

/** What a sentence is about, so that it can be measured again. */
export interface Over {
  readonly workload: string;
  readonly told: string;
}

/**
 * Held is the gateway, not each peer: what it costs more, it costs against all of them, while a peer that had a good
 * moment says nothing of it. So a workload is above the gate when the median of its peers is.
 * @returns the workloads that are; what was not measured is not held to it
 */
export function overGate({ cells }: Pick<Report, 'cells'>, gate: Gate): Over[] {
  return cells
    .filter(({ connections }) => connections === GATE_CONNECTIONS)
    .flatMap(({ workload, lines }) => {
      const held = lines.flatMap(({ name, ratio }) => {
        const most = gate[workload]?.[name];
        return most === undefined || ratio === null ? [] : [{ name, ratio, most, share: ratio / most }];
      });
      const share = median(held.map((peer) => peer.share));
      if (share === undefined || share <= 1) return [];
      const each = held.map(({ name, ratio, most }) => `${ratio.toFixed(2)} times ${name} (${most})`).join(', ');
      return [{ workload, told: `${workload}: ${share.toFixed(2)} times what the gate allows; ${each}` }];
    });
}

/** The lower one of two in the middle. */
function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length / 2) - 1];
}

/** A gate a quarter above what was reached, rounded up to hundredths. Throws where a run has nothing of what is held. */
export function gateOf({ cells }: Pick<Report, 'cells'>): Gate {
  const held = cells.filter(({ workload, connections }) => connections === GATE_CONNECTIONS && HELD.includes(workload));
  const missing = HELD.filter((name) => !held.some(({ workload }) => workload === name));
  if (missing.length > 0) {
    throw new Error(`a gate needs ${missing.join(', ')} at ${GATE_CONNECTIONS} connections`);
  }
  return Object.fromEntries(
    held.map(({ workload, lines }) => {
      const peers = lines.filter(({ name, ratio }) => !name.startsWith('gateway') && ratio !== null);
      return [workload, Object.fromEntries(peers.map(({ name, ratio }) => [name, mostOf(ratio ?? 0)]))];
    }),
  );
}

const mostOf = (ratio: number): number => Math.ceil(Number((ratio * MARGIN * 100).toFixed(6))) / 100;
