// What a process has had of the processor.
import { readFileSync } from 'node:fs';
import type { Served } from '../workers/served.ts';

/** Processor time of the gateway so far, in ticks of the system, a hundred a second. */
export function ticksOf({ process: { pid } }: Pick<Served, 'process'>): number {
  const [, user = '', system = ''] =
    / \S \S+(?: \S+){10} (\d+) (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
  return Number(user) + Number(system);
}
