// Loaded before the gateway's own code (--import): the main thread does nothing else while a file is there.
import { existsSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const EVERY_MS = 10;
const cell = new Int32Array(new SharedArrayBuffer(4));

if (isMainThread) {
  const order = `${process.env.BLOCKED_FOLDER}/block`;
  setInterval(() => {
    if (!existsSync(order)) return;
    writeFileSync(`${process.env.BLOCKED_FOLDER}/blocked`, '');
    while (existsSync(order)) Atomics.wait(cell, 0, 0, EVERY_MS);
  }, EVERY_MS).unref();
}
