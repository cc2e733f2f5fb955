// Runs beside a measurement, in a thread of its own: asks the engine something small again and again, and tells how long
// others had to wait meanwhile. For the distributed engine a PING, since one thread runs all commands; for the embedded
// one a put of two keys, as a create makes it, from another connection.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { KeyedHash } from '../src/domain.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';

export type Witnessed =
  | { readonly engine: 'valkey'; readonly port: number }
  | { readonly engine: 'sqlite'; readonly path: string };

export interface Witness {
  /** Ends it: the longest wait and the 99th percentile, in milliseconds. */
  end(): Promise<{ readonly mostMs: number; readonly p99Ms: number }>;
}

const PAUSE_MS = 1;
const PATIENCE_MS = 60_000;

/** Resolves when it has asked once. */
export async function startWitness(witnessed: Witnessed): Promise<Witness> {
  const worker = new Worker(new URL(import.meta.url), { workerData: witnessed });
  const failed = new Promise<never>((_, reject) => worker.once('error', reject));
  failed.catch(() => undefined);
  const said = <T>(): Promise<T> => new Promise<T>((settle) => worker.once('message', settle));
  await Promise.race([said(), failed]);
  return {
    async end() {
      const waits = said<number[]>();
      worker.postMessage('end');
      const sorted = (await Promise.race([waits, failed])).sort((one, other) => one - other);
      await worker.terminate();
      const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
      return { mostMs: at(1), p99Ms: at(0.99) };
    },
  };
}

interface Asked {
  ask(): Promise<void>;
  close(): Promise<void>;
}

async function openPing(port: number): Promise<Asked> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await new Promise((settle, reject) => socket.once('connect', settle).once('error', reject));
  return {
    ask: () =>
      new Promise((settle) => {
        socket.once('data', () => settle());
        socket.write('PING\r\n');
      }),
    async close() {
      socket.destroy();
    },
  };
}

function openPut(path: string): Asked {
  const store = openSqliteStore(path, { now: Date.now, storeTimeoutMs: PATIENCE_MS });
  const row = (kind: 'secret' | 'metadata') => ({
    hash: randomBytes(16) as KeyedHash,
    region: 'us',
    kind,
    owner: undefined,
    expiresAtMs: Date.now() + 3_600_000,
  });
  return { ask: () => store.putKeys([row('secret'), row('metadata')], { leftMs: PATIENCE_MS }), close: store.close };
}

async function watch(witnessed: Witnessed, port: NonNullable<typeof parentPort>): Promise<void> {
  const { ask, close } = witnessed.engine === 'valkey' ? await openPing(witnessed.port) : openPut(witnessed.path);
  const waits: number[] = [];
  let ended = false;
  port.once('message', () => {
    ended = true;
  });
  await ask();
  port.postMessage('ready');
  do {
    const startMs = performance.now();
    await ask();
    waits.push(performance.now() - startMs);
    await new Promise((settle) => setTimeout(settle, PAUSE_MS));
  } while (!ended);
  await close();
  port.postMessage(waits);
}

if (!isMainThread && parentPort !== null) await watch(workerData as Witnessed, parentPort);
