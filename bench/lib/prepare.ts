// Before anybody is measured: keys that the gateway has learned, and the proof that everybody does the work.
import { Pool } from 'undici';
import { call } from '../../test/support/http.ts';
import type { Contestant } from '../peers/contestant.ts';
import { ACCOUNTS, freshPrefix, KNOWN_KEYS, type KnownKeys, type Workload } from './workloads.ts';

const LANES = 32;
/** A limit of one request lets the first ones pass; HAProxy counts before it refuses. */
const PROBES = 4;

async function createOne(pool: Pool, at: number): Promise<{ secret: string; metadata: string }> {
  const authorization = ACCOUNTS[at % ACCOUNTS.length]?.authorization ?? '';
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
  const { statusCode, body } = await pool.request({ path: '/api/v1/share', method: 'POST', headers, body: 'secret=x' });
  const answer = (await body.json()) as Record<string, unknown>;
  const { secret_key: secret, metadata_key: metadata } = answer;
  if (statusCode !== 200 || typeof secret !== 'string' || typeof metadata !== 'string') {
    throw new Error(`a create through the gateway was answered ${statusCode}`);
  }
  return { secret, metadata };
}

/** Creates through the gateway: key `n` is of account `n % ACCOUNTS.length`. */
export async function learnKeys(port: number): Promise<KnownKeys> {
  const secret = new Array<string>(KNOWN_KEYS).fill('');
  const metadata = new Array<string>(KNOWN_KEYS).fill('');
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: LANES, pipelining: 1 });
  let next = 0;
  async function lane(): Promise<void> {
    while (next < KNOWN_KEYS) {
      const at = next++;
      const made = await createOne(pool, at);
      secret[at] = made.secret;
      metadata[at] = made.metadata;
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane));
  await pool.destroy();
  return { secret, metadata };
}

/** One request of the workload, and which region answered it. */
async function probe(port: number, workload: Workload, at: number, keys: readonly string[] | undefined) {
  const [before, after] = workload.path;
  const key = workload.key === 'none' ? '' : (keys?.[at] ?? `${freshPrefix()}0000000000`);
  const authorization = ACCOUNTS[at]?.authorization;
  const { status, body } = await call(`http://127.0.0.1:${port}`, workload.method, `${before}${key}${after}`, {
    headers: workload.authenticated && authorization !== undefined ? { authorization } : {},
    body: workload.body === '' ? undefined : workload.body,
  });
  return { status, region: /"region":"(\w+)"/.exec(body)?.[1] };
}

/**
 * Throws unless this contestant answers the workload as it has to; who has a policy also sends two accounts to their two
 * regions, and lets nobody without credentials to a private route.
 */
export async function prove(
  { name, policy }: Contestant,
  port: number,
  workload: Workload,
  keys: readonly string[] | undefined,
): Promise<void> {
  let answer = await probe(port, workload, 0, keys);
  for (let more = 1; more < PROBES && answer.status !== workload.status; more++) {
    answer = await probe(port, workload, 0, keys);
  }
  if (answer.status !== workload.status) {
    throw new Error(`${name} answers ${workload.name} with ${answer.status} in place of ${workload.status}`);
  }
  if (policy === 'none' || !workload.authenticated) return;
  const other = await probe(port, workload, 1, keys);
  if (answer.region !== 'us' || other.region !== 'eu') {
    throw new Error(`${name} sends accounts of us and eu to ${answer.region} and ${other.region}`);
  }
  const anonymous = await probe(
    port,
    { ...workload, method: 'GET', path: ['/api/v1/private/', ''], key: 'fresh', authenticated: false, body: '' },
    0,
    undefined,
  );
  if (anonymous.status !== 401)
    throw new Error(`${name} answers ${anonymous.status} to a private route without credentials`);
}
