// What each room of a request's path costs by itself, in this process: `npm run bench:rooms` prints a Markdown table. Times
// are the machine's; they are for comparing one change with the one before.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createClientAddress } from '../src/caller/client-address.ts';
import { accountKey } from '../src/caller/credentials.ts';
import { createIdentify } from '../src/caller/identify.ts';
import { createVerify } from '../src/caller/verify.ts';
import { type Caller, type Classified, Permit, type RegionName } from '../src/domain.ts';
import { createKeyedHash } from '../src/keyed-hash.ts';
import { createAdmit } from '../src/limit/admit.ts';
import { createAccounts } from '../src/locality/accounts.ts';
import { createKeyIndex } from '../src/locality/key-index.ts';
import { createDecide } from '../src/policy/decide.ts';
import { Refusal } from '../src/refusal.ts';
import { createClassify } from '../src/route/classify.ts';
import { LINK, ROUTES } from '../src/route/table.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { openFolder } from '../test/support/folder.ts';
import { median } from './compare-table.ts';

const INPUTS = 4096;
const CALLS = Number(process.argv[2] ?? 200_000);
const BATCHES = 9;
const US = 'us' as RegionName;
const EU = 'eu' as RegionName;

interface Room {
  readonly name: string;
  /** One call with the input of that number; whether it answered as it has to. */
  readonly call: (at: number) => boolean;
}

/** Median nanoseconds of a call over batches, after one that warms up. */
function measure({ name, call }: Room): { readonly name: string; readonly ns: number } {
  const timesNs: number[] = [];
  for (let batch = 0; batch <= BATCHES; batch++) {
    let right = 0;
    const startMs = performance.now();
    for (let n = 0; n < CALLS; n++) if (call(n % INPUTS)) right++;
    const ns = ((performance.now() - startMs) * 1e6) / CALLS;
    if (right !== CALLS) throw new Error(`${name}: ${CALLS - right} calls were not answered as expected`);
    if (batch > 0) timesNs.push(ns);
  }
  return { name, ns: median(timesNs) };
}

const many = <T>(make: (at: number) => T): readonly T[] => Array.from({ length: INPUTS }, (_, at) => make(at));

/** The input of that number: there is one for each. */
function input<T>(inputs: readonly T[], at: number): T {
  const one = inputs[at];
  if (one === undefined) throw new RangeError(`no input ${at}`);
  return one;
}

const keys = many(() => randomBytes(16).toString('hex'));
const names = many((at) => `user${at}@corp.example`);
const headers = many((at) => [
  ...['Host', 'secrets.example:8080', 'User-Agent', 'curl/8.14.1', 'Accept', '*/*'],
  ...['Authorization', `Basic ${Buffer.from(`${names[at]}:token`).toString('base64')}`],
  ...['Content-Type', 'application/x-www-form-urlencoded', 'Content-Length', '32'],
]);
const targets = keys.map((key) => `/api/v1/secret/${key}`);

const hash = createKeyedHash(randomBytes(32));
const classify = createClassify([...ROUTES, LINK]);
const identify = createIdentify(createClientAddress([]));
const requests = targets.map((target) => {
  const request = classify('POST', target);
  if (request instanceof Refusal) throw request;
  return request;
});
const callers = headers.map((raw) => {
  const identified = identify(raw, '192.0.2.7');
  if ('refusal' in identified) throw identified.refusal;
  return identified.caller;
});
const anonymous = many((at): Caller => ({ credentials: undefined, address: `192.0.${at >> 8}.${at & 255}` }));
const accounts = createAccounts(
  names.map((account) => ({ account, region: US, pinned: true, also: [] })),
  accountKey,
);

const never = { perMs: 1000, requests: 10_000_000, burst: 10_000_000, mode: 'enforce' } as const;
const limits = { perKey: never, failedAuth: never, account: never, regionBudget: never };
const spending = { now: () => performance.now(), seed: randomBytes(32), onShadow: () => {} };
const admit = createAdmit(
  { ...limits, anonymousRetrieval: { ...never, missCost: 3, ipv6Prefix: 64 } },
  spending,
  accountKey,
);
const once = { perMs: 3_600_000, requests: 1, burst: 1, mode: 'enforce' } as const;
const refusing = createAdmit(
  { ...limits, anonymousRetrieval: { ...once, missCost: 3, ipv6Prefix: 64 } },
  spending,
  accountKey,
);

const decide = createDecide({
  regions: [US, EU],
  hosts: new Map(),
  unknownAccounts: { kind: 'refuse' },
  anonymousCreate: US,
  anonymousRetrieve: US,
  verifyPrivate: 'authcheck',
  ownership: 'enforce',
  self: undefined,
  gateways: new Map(),
});
const question = (request: Classified, caller: Caller, held: boolean) => ({
  route: request.route,
  named: { prefix: undefined, header: undefined, host: 'secrets.example' },
  account: caller.credentials && accounts(caller.credentials.name),
  held: held ? ({ kind: 'found', value: { region: US, owner: 'caller' } } as const) : ({ kind: 'missing' } as const),
});
const unknown = requests.map((request, at) => question(request, input(callers, at), false));
const known = requests.map((request, at) => question(request, input(callers, at), true));

const verify = createVerify(async () => 'good', {
  now: () => performance.now(),
  hash,
  goodMs: 3_600_000,
  badMs: 10_000,
  entries: 100_000,
});
const permits = unknown.map((one) => {
  const permit = decide(one);
  if (!Permit.isGenuine(permit)) throw new Error('no permit');
  return permit;
});
const isVerified = (at: number) => {
  const caller = input(callers, at);
  const { credentials } = caller;
  return credentials === undefined ? 'bad' : verify.verify(input(permits, at), US, { ...caller, credentials });
};
for (let at = 0; at < INPUTS; at++) await isVerified(at);

using folder = openFolder();
const store = openSqliteStore(join(folder.path, 'gateway.db'), { now: Date.now, storeTimeoutMs: 60_000 });
const index = createKeyIndex(store, {
  keys: { current: hash, older: [] },
  regions: new Set(['us', 'eu']),
  now: Date.now,
  frontEntries: 2 * INPUTS,
  storeTimeoutMs: 60_000,
});
for (const key of keys) {
  await index.learn([{ key, kind: 'secret', region: US, owner: 'user@corp.example', ttlSeconds: 3600 }]);
}
const others = many(() => randomBytes(16).toString('hex'));
const kindOf = (found: ReturnType<typeof index.find>) => ('kind' in found ? found.kind : 'waits');

const rooms: readonly Room[] = [
  { name: 'classify', call: (at) => 'route' in classify('POST', input(targets, at)) },
  { name: 'identify, with credentials', call: (at) => 'caller' in identify(input(headers, at), '192.0.2.7') },
  { name: 'keyed hash of a key', call: (at) => hash('held-key', input(keys, at)).length === 16 },
  {
    name: 'admit: account and key',
    call: (at) => admit.admit(input(requests, at), input(callers, at)) === undefined,
  },
  {
    name: 'admit: client address and key',
    call: (at) => admit.admit(input(requests, at), input(anonymous, at)) === undefined,
  },
  {
    name: 'admit: refused (429)',
    // The first of each address passes.
    call: (at) => refusing.admit(input(requests, at), input(anonymous, at)) !== undefined,
  },
  { name: 'locate an account, rules', call: (at) => accounts(input(names, at)).kind === 'found' },
  { name: 'locate a key, in memory', call: (at) => kindOf(index.find(input(keys, at))) === 'found' },
  { name: 'locate a key, nobody knows it (SQLite)', call: (at) => kindOf(index.find(input(others, at))) === 'missing' },
  { name: 'decide, unknown key', call: (at) => Permit.isGenuine(decide(input(unknown, at))) },
  { name: 'decide, known key', call: (at) => Permit.isGenuine(decide(input(known, at))) },
  { name: 'verify, from memory', call: (at) => isVerified(at) === 'good' },
];
for (const one of anonymous) refusing.admit(input(requests, 0), one);

const measured = rooms.map(measure);
await store.close();
console.log(`| Room, node ${process.versions.node} | ns a call |\n|---|---:|`);
for (const { name, ns } of measured) console.log(`| ${name} | ${Math.round(ns).toLocaleString('en')} |`);
