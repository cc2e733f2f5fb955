// Load from a process of its own: wrk where it is installed, else our own generator (load-child.ts).
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onCore } from './machine.ts';
import { ACCOUNTS, freshPrefix, type Workload } from './workloads.ts';

const run = promisify(execFile);
const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** How much longer than asked a load may take before it is ended. */
const GRACE_MS = 30_000;

export type Generator = 'wrk' | 'node';

export interface LoadOptions {
  readonly generator: Generator;
  readonly folder: string;
  readonly core: number | undefined;
  readonly port: number;
  readonly workload: Workload;
  /** Undefined: fresh ones, or none. */
  readonly keys: readonly string[] | undefined;
  readonly connections: number;
  readonly seconds: number;
  /** A new connection for each request. */
  readonly closing: boolean;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Answers with a status of 400 and more. */
  readonly refused: number;
  /** Requests without a whole answer. */
  readonly broken: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** What to send, as both generators are told it. */
function environment({ folder, workload, keys, closing }: LoadOptions): Record<string, string> {
  const body = join(folder, 'load-body');
  const keyFile = join(folder, 'load-keys');
  writeFileSync(body, workload.body);
  if (keys !== undefined) writeFileSync(keyFile, `${keys.join('\n')}\n`);
  return {
    BENCH_METHOD: workload.method,
    BENCH_BEFORE: workload.path[0],
    BENCH_AFTER: workload.path[1],
    BENCH_PREFIX: workload.key === 'fresh' ? freshPrefix() : '',
    BENCH_KEYS: keys === undefined ? '' : keyFile,
    BENCH_BODY: body,
    BENCH_AUTHORIZATIONS: workload.authenticated ? ACCOUNTS.map(({ authorization }) => authorization).join(',') : '',
    BENCH_CLOSE: closing ? '1' : '0',
  };
}

function command({ generator, port, connections, seconds }: LoadOptions): [string, string[]] {
  if (generator === 'node') return [process.execPath, [fileOf('load-child.ts')]];
  const size = ['-t', '1', '-c', `${connections}`, '-d', `${seconds}s`, '--timeout', '20s', '--latency'];
  return ['wrk', [...size, '-s', fileOf('load.lua'), `http://127.0.0.1:${port}`]];
}

/** Sends for `seconds`, as fast as the connections allow: each sends its next request when it has the answer. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { core, port, connections, seconds } = options;
  const [program, args] = onCore(core, ...command(options));
  const told = { BENCH_PORT: `${port}`, BENCH_CONNECTIONS: `${connections}`, BENCH_SECONDS: `${seconds}` };
  const { stdout } = await run(program, args, {
    env: { ...process.env, ...environment(options), ...told },
    timeout: seconds * 1000 + GRACE_MS,
    killSignal: 'SIGKILL',
  });
  const result = /^RESULT (.*)$/m.exec(stdout)?.[1];
  if (result === undefined) throw new Error(`${program} told no result: ${stdout}`);
  return JSON.parse(result) as LoadResult;
}
