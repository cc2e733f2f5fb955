// A thread that spends from a limit table which others share.
import { parentPort, workerData } from 'node:worker_threads';
import type { Rate } from '../../src/limit/gcra.ts';
import { addressKey } from '../../src/limit/key.ts';
import { createLimitTable, type LimitTableOptions } from '../../src/limit/table.ts';

export interface SpendSetup {
  readonly rate: Rate;
  readonly options: Omit<LimitTableOptions, 'seed' | 'shared'>;
  readonly seed: Uint8Array;
  readonly memory: SharedArrayBuffer;
  readonly holder: number;
  /** Where the thread counts what passed, by address: also when it is ended, all but the last. */
  readonly passed: Int32Array;
  /** 0 until all are to begin, so that they run at the same time. */
  readonly begin: Int32Array;
}

export interface SpendQuestion {
  /** The number of this round; the thread waits until `begin` has it. */
  readonly round: number;
  readonly addresses: readonly string[];
  /** At each address. */
  readonly times: number;
  /** `steady`: the machine's clock, the same in all threads. */
  readonly nowMs: number | 'steady';
}

const { rate, options, seed, memory, holder, passed, begin } = workerData as SpendSetup;
const table = createLimitTable(rate, { ...options, seed: Buffer.from(seed), shared: { memory, holder } });

function spendAll({ addresses, times, nowMs }: SpendQuestion): void {
  for (let n = 0; n < times; n++) {
    for (let at = 0; at < addresses.length; at++) {
      const now = nowMs === 'steady' ? Number(process.hrtime.bigint()) / 1e6 : nowMs;
      const { allowed } = table.spend(addressKey(addresses[at] ?? '', 64), 1, now);
      if (allowed) passed[at] = (passed[at] ?? 0) + 1;
    }
  }
}

parentPort?.on('message', (question: SpendQuestion) => {
  while (Atomics.load(begin, 0) < question.round) Atomics.wait(begin, 0, question.round - 1, 100);
  spendAll(question);
  parentPort?.postMessage('done');
});
parentPort?.postMessage('ready');
