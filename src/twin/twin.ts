// A faithful stand-in for one region of Onetime Secret, in memory: the demo's upstream and the tests' (UPSTREAM.md).
import { randomBytes as systemRandomBytes } from 'node:crypto';
import type { TwinAccount } from './accounts.ts';
import { createAuthenticate } from './accounts.ts';
import { createApplication } from './application.ts';
import { createKeys, type RandomBytes } from './keys.ts';
import { createLedger, type TwinRequest } from './ledger.ts';
import { createLimits } from './limits.ts';
import { createPassphraseLock } from './passphrase.ts';
import { createTwinServer, type NextAnswer, type ServerFaults } from './server.ts';
import type { Caller, Service } from './service.ts';
import { createStore, type SecretState } from './store.ts';

export { DEMO_ACCOUNTS, type TwinAccount } from './accounts.ts';
export type { TwinRequest } from './ledger.ts';
export type { NextAnswer } from './server.ts';
export type { SecretState } from './store.ts';

export interface TwinOptions {
  readonly region: string;
  readonly accounts?: readonly TwinAccount[];
  /** Which service is imitated; 0.20 was recorded, 0.26 only read (UPSTREAM.md). */
  readonly version?: '0.20' | '0.26';
  /** 127.0.0.1 */
  readonly host?: string;
  /** 0: the system picks one. */
  readonly port?: number;
  /** What links and `share_domain` say; `https://REGION.onetimesecret.com`. */
  readonly origin?: string;
  /** The service's own limits: as shipped, or raised out of the way (the default). */
  readonly limits?: 'shipped' | 'raised';
  readonly now?: () => number;
  readonly randomBytes?: RandomBytes;
  /** Waited before each answer; the request has had its effect by then. */
  readonly delayMs?: number;
  /**
   * What becomes of a request with Transfer-Encoding. `refuse` (the default) answers 400, so that a test notices a gateway
   * that sends one; `misread` does as 0.20's server: it takes the body for the next request (cases 139, 149).
   */
  readonly chunked?: 'refuse' | 'misread';
  /** The ledger forgets its oldest rows beyond about this many; 100,000. For load tests: 0 keeps none. */
  readonly ledgerRows?: number;
}

export interface TwinSecret {
  readonly state: SecretState;
  /** Retrieved or burned through the API. */
  readonly consumed: boolean;
}

export interface Twin {
  readonly region: string;
  readonly url: string;
  readonly port: number;
  /** The ledger: every request that was received whole, in order. */
  readonly requests: readonly TwinRequest[];
  clearLedger(): void;
  /** Looks at a secret without touching it. */
  secret(key: string): TwinSecret | undefined;
  /** Takes a secret away behind the service's back, as run 3 of the recordings did by hand. Throws for an unknown key. */
  removeSecret(key: string, how: 'orphan' | 'expire'): void;
  /** The next request gets this in place of its answer; several wait in line. */
  respondNext(answer: NextAnswer): void;
  /** Ends open connections, too. */
  close(): Promise<void>;
}

/** Starts a region; resolves when it listens, rejects when it cannot. */
export async function startTwin(options: TwinOptions): Promise<Twin> {
  const now = options.now ?? Date.now;
  const service = createService(options, now);
  const ledger = createLedger(options.ledgerRows ?? 100_000);
  const faults: ServerFaults = { delayMs: options.delayMs ?? 0, next: [], chunked: options.chunked ?? 'refuse' };
  const server = createTwinServer(createApplication(service), {
    record: (row) => ledger.append(row),
    now,
    faults,
    named: service.version === '0.20' ? 'thin' : undefined,
  });
  const host = options.host ?? '127.0.0.1';
  const port = await server.listen(options.port ?? 0, host);
  return {
    region: options.region,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    requests: ledger.rows,
    clearLedger: () => ledger.clear(),
    secret(key) {
      const found = service.store.anySecret(key);
      if (found === undefined) return undefined;
      const expired = found.value !== undefined && found.expiresAtMs <= now();
      const state = expired ? 'expired' : found.state;
      return { state, consumed: state === 'received' || state === 'burned' };
    },
    removeSecret: (key, how) => service.store.remove(key, how),
    respondNext: (answer) => void faults.next.push(answer),
    close: () => server.close(),
  };
}

function createService(options: TwinOptions, now: () => number): Service {
  const version = options.version ?? '0.20';
  const keys = createKeys(version, options.randomBytes ?? systemRandomBytes);
  const shrimps = new Map<string, string>();
  const limits = options.limits ?? 'raised';
  return {
    version,
    origin: options.origin ?? `https://${options.region}.onetimesecret.com`,
    keys,
    store: createStore(keys.key, now, version === '0.20' ? 6 : 8),
    spend: createLimits(limits, version, now),
    lock: createPassphraseLock(version === '0.26' && limits === 'shipped', now),
    authenticate: createAuthenticate(options.accounts ?? [], version),
    now,
    shrimp(caller: Caller) {
      if (caller === 'anonymous') return keys.token();
      const shrimp = shrimps.get(caller.name) ?? keys.token();
      shrimps.set(caller.name, shrimp);
      return shrimp;
    },
  };
}
