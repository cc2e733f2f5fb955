// A thread that pushes numbered texts without end, until it is ended or the ring is full.
import { parentPort, workerData } from 'node:worker_threads';
import { createRingWriter } from '../../src/shared-memory/ring.ts';

const { memory, counter } = workerData as { memory: SharedArrayBuffer; counter: Int32Array };
const writer = createRingWriter(memory);
parentPort?.postMessage('ready');
parentPort?.once('message', () => {
  for (let n = Atomics.load(counter, 0); ; ) {
    // Of changing length, so that frames end everywhere.
    if (!writer.push(`${n}:${'ü'.repeat(n % 97)}`)) continue;
    n++;
    Atomics.store(counter, 0, n);
  }
});
