// Load that goes round a whole population: each request another account, key or client address.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onCore } from './lib/machine.ts';
import { freshPrefix } from './lib/workloads.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('lib/growth.lua', import.meta.url));
const PATH = '/api/v1/secret/';
const BODY = 'passphrase=correct-horse-battery';
const GRACE_MS = 60_000;

/** What of a request is another one each time; keys are fresh ones unless they are what varies. */
export type Varying = 'account' | 'key' | 'address';

/** As growth.lua makes them. */
export const accountName = (member: number): string => `person${String(member).padStart(9, '0')}@growth.example`;
export const keyName = (member: number): string => `k${String(member).padStart(30, '0')}`;

export interface GrowthLoad {
  readonly core: number | undefined;
  readonly port: number;
  readonly vary: Varying;
  readonly size: number;
  /** The member that the first request is of. */
  readonly start: number;
  readonly connections: number;
  readonly seconds: number;
}

export interface GrowthResult {
  readonly requests: number;
  /** Answers with a status of 400 and more. */
  readonly refused: number;
  /** Requests without a whole answer. */
  readonly broken: number;
}

/** Retrieves for `seconds`, as fast as the connections allow. */
export async function growthLoad(load: GrowthLoad): Promise<GrowthResult> {
  const { core, port, vary, size, start, connections, seconds } = load;
  const shape = ['-t', '1', '-c', `${connections}`, '-d', `${seconds}s`, '--timeout', '20s', '-s', SCRIPT];
  const [program, args] = onCore(core, 'wrk', [...shape, `http://127.0.0.1:${port}`]);
  const told = {
    GROWTH_VARY: vary,
    GROWTH_SIZE: `${size}`,
    GROWTH_START: `${start}`,
    GROWTH_FRESH: freshPrefix(),
    GROWTH_PATH: PATH,
    GROWTH_BODY: BODY,
  };
  const { stdout } = await run(program, args, {
    env: { ...process.env, ...told },
    timeout: seconds * 1000 + GRACE_MS,
    killSignal: 'SIGKILL',
  });
  const result = /^RESULT (.*)$/m.exec(stdout)?.[1];
  if (result === undefined) throw new Error(`wrk told no result: ${stdout}`);
  return JSON.parse(result) as GrowthResult;
}
