// A worker thread that has begun, and loads its code while the main thread finds out what to give it.
import { extname } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { closeOf } from './link.ts';

export const ROLE = 'onetime-gateway worker';

/** What a worker is begun with. */
export interface Begun {
  readonly role: typeof ROLE;
  /** This worker's number, from 1; a worker that takes a dead one's place has the same. */
  readonly holder: number;
  readonly port: MessagePort;
}

export interface BegunThread {
  readonly holder: number;
  readonly worker: Worker;
  /** The main thread's end. What comes in waits until somebody listens. */
  readonly port: MessagePort;
  /** Of that port (link.ts). */
  readonly close: Promise<void>;
  /** How it ended, with an error that nobody caught there. Never rejects. */
  readonly exited: Promise<{ readonly code: number; readonly error: unknown }>;
}

/** The sources run as they are, and are built to .js. */
const ENTRY = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);

export function beginThread(holder: number): BegunThread {
  const { port1: here, port2: port } = new MessageChannel();
  const begun: Begun = { role: ROLE, holder, port };
  const worker = new Worker(ENTRY, { name: `gateway ${holder}`, workerData: begun, transferList: [port] });
  let error: unknown;
  worker.on('error', (cause) => {
    error ??= cause;
  });
  const exited = new Promise<{ code: number; error: unknown }>((settle) => {
    worker.once('exit', (code) => settle({ code, error }));
  });
  return { holder, worker, port: here, close: closeOf(here), exited };
}

/** For a start that fails before it comes to them. */
export async function endThreads(threads: readonly BegunThread[]): Promise<void> {
  for (const { port } of threads) port.close();
  await Promise.all(threads.map(({ worker }) => worker.terminate()));
}
