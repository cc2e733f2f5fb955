// Loaded before a worker's own code (--import): ends its thread when a file of its number says how.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { isMainThread, workerData } from 'node:worker_threads';

const EVERY_MS = 10;

function growForEver(): void {
  const held: unknown[] = [];
  for (;;) held.push(new Array(10_000).fill(held.length));
}

const ENDS: Readonly<Record<string, () => void>> = {
  throw: () => {
    throw new Error('s3cret-of-a-caller');
  },
  exit: () => process.exit(0),
  hang: () => {
    for (;;);
  },
  memory: growForEver,
};

if (!isMainThread && workerData?.role === 'onetime-gateway worker') {
  const order = `${process.env.DEADLY_FOLDER}/end-${workerData.holder}`;
  setInterval(() => {
    if (!existsSync(order)) return;
    const end = ENDS[readFileSync(order, 'utf8')];
    // It is still being written.
    if (end === undefined) return;
    rmSync(order);
    end();
  }, EVERY_MS).unref();
}
