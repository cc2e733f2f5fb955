// Loaded before the gateway's own code (--import): its main thread, or all of its workers, hang while a file is there.
import { existsSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const EVERY_MS = 10;
const cell = new Int32Array(new SharedArrayBuffer(4));
const order = `${process.env.HANG_FOLDER}/${isMainThread ? 'main' : 'workers'}`;

setInterval(() => {
  while (existsSync(order)) Atomics.wait(cell, 0, 0, EVERY_MS);
}, EVERY_MS).unref();
