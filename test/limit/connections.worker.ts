// A thread that opens and closes connections in a memory which others share.
import { parentPort, workerData } from 'node:worker_threads';
import { type ConnectionSizes, Connections } from '../../src/limit/connections.ts';
import { addressKey } from '../../src/limit/key.ts';

export interface OpenSetup {
  readonly sizes: ConnectionSizes;
  readonly memory: SharedArrayBuffer;
  readonly holder: number;
  readonly seed: string;
  /** How often there were more than may be; how often one was opened; how many are open, as threads that live see it. */
  readonly seen: Int32Array;
  readonly perAddress: number;
}

export interface OpenQuestion {
  readonly times: number;
  readonly addresses: readonly string[];
}

const { sizes, memory, holder, seed, seen, perAddress } = workerData as OpenSetup;
const counts = new Connections(sizes, { memory, holder });

function close(ticket: number): void {
  Atomics.sub(seen, 2, 1);
  counts.leaveAddress(ticket);
  counts.leave();
}

/** Opens as many as it is let, and closes the oldest now and then. */
function openAll({ times, addresses }: OpenQuestion): void {
  const tickets: number[] = [];
  for (let n = 0; n < times; n++) {
    const address = addresses[n % addresses.length] ?? '';
    if (counts.enter()) {
      const ticket = counts.enterAddress(addressKey(address, 64).place(seed), perAddress);
      if (ticket === 'full') counts.leave();
      else {
        tickets.push(ticket);
        Atomics.add(seen, 1, 1);
        if (Atomics.add(seen, 2, 1) >= sizes.connections) Atomics.add(seen, 0, 1);
      }
    }
    const oldest = n % 3 === 0 ? undefined : tickets.shift();
    if (oldest !== undefined) close(oldest);
  }
  for (const ticket of tickets) close(ticket);
}

parentPort?.on('message', (question: OpenQuestion) => {
  openAll(question);
  parentPort?.postMessage('done');
});
parentPort?.postMessage('ready');
