// The work that everybody is given, as data: the same for the gateway and each peer.
import { randomBytes } from 'node:crypto';

/** Accounts of the measurement, half of them in each region; even ones live in `us`. */
export const ACCOUNTS = Array.from({ length: 8 }, (_, at) => {
  const region = at % 2 === 0 ? 'us' : 'eu';
  const name = `user${at}@${region}.example`;
  return { name, region, authorization: `Basic ${Buffer.from(`${name}:token-${at}`).toString('base64')}` } as const;
});

/** Keys that are made through the gateway first, so that its index knows them: a multiple of the accounts. */
export const KNOWN_KEYS = 8000;

export interface Workload {
  readonly name: string;
  readonly about: string;
  readonly method: 'GET' | 'POST';
  /** Before and after the key. */
  readonly path: readonly [string, string];
  /** `none`: the path has none. `fresh`: of each request's own, never seen. Others: of those made before. */
  readonly key: 'none' | 'fresh' | 'known-secret' | 'known-metadata';
  /** Whether it carries Basic credentials; request `n` those of account `n % ACCOUNTS.length`. */
  readonly authenticated: boolean;
  readonly body: string;
  readonly status: 200 | 429;
}

const PASSPHRASE = 'passphrase=correct-horse-battery';
const SMALL = 'secret=the+launch+code+is+0000&ttl=3600&passphrase=correct-horse-battery';
const LARGE = `ttl=3600&secret=${'x'.repeat(100_000)}`;
const RETRIEVE = { method: 'POST', path: ['/api/v1/secret/', ''], body: PASSPHRASE } as const;
const CREATE = { method: 'POST', path: ['/api/v1/share', ''], key: 'none', authenticated: true, status: 200 } as const;

export const WORKLOADS: readonly Workload[] = [
  {
    ...RETRIEVE,
    name: 'retrieve',
    about: 'authenticated retrieve, keys that nobody knows',
    key: 'fresh',
    authenticated: true,
    status: 200,
  },
  {
    ...RETRIEVE,
    name: 'retrieve-anonymous',
    about: 'anonymous retrieve of known keys',
    key: 'known-secret',
    authenticated: false,
    status: 200,
  },
  {
    ...RETRIEVE,
    name: 'refused',
    about: 'anonymous retrieve, refused by the limit',
    key: 'fresh',
    authenticated: false,
    status: 429,
  },
  {
    name: 'metadata',
    about: 'private metadata of own keys, verification cached',
    method: 'GET',
    path: ['/api/v1/private/', ''],
    key: 'known-metadata',
    authenticated: true,
    body: '',
    status: 200,
  },
  { ...CREATE, name: 'create', about: 'authenticated create, both keys learned', body: SMALL },
  { ...CREATE, name: 'create-100k', about: 'authenticated create of 100 kB', body: LARGE },
];

export interface KnownKeys {
  readonly secret: readonly string[];
  readonly metadata: readonly string[];
}

/** Which keys of `known` a workload asks for; undefined: fresh ones, or none. */
export function keysFor(workload: Workload, known: KnownKeys): readonly string[] | undefined {
  if (workload.key === 'known-secret') return known.secret;
  return workload.key === 'known-metadata' ? known.metadata : undefined;
}

/** A beginning of keys that no other round has; ten digits follow. */
export const freshPrefix = (): string => `b${randomBytes(10).toString('hex')}`;
