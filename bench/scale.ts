// The store at size: `npm run bench:scale` measures both engines, and prints Markdown tables and the same as JSON. What
// follows from the figures is in docs/scale.md.
//
// A quick run by default. SCALE=full takes the sizes that docs/scale.md tells of; SCALE_ACCOUNTS, SCALE_KEYS,
// SCALE_SQLITE_KEYS and SCALE_REQUESTS set single ones. SCALE_ONLY=accounts,keys,shared,follow,requests,sqlite
// chooses parts.
import { cpus } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteStore } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import { openValkeyStore } from '../src/store/valkey.ts';
import { openFolder } from '../test/support/folder.ts';
import { HAS_REDIS, type RedisServer, startRedis, until } from '../test/support/redis.ts';
import { type AccountsBench, measureFront, measureImport, measureLookups } from './scale-accounts.ts';
import { measureFollowing } from './scale-follow.ts';
import { fillKeys, keyTimes, measureKeys } from './scale-keys.ts';
import { engineUsEach, type Figure, type Section, tables, usedMemory } from './scale-measure.ts';
import { measureRequests } from './scale-requests.ts';
import { measureLimits, measureReplays, measureVerifications } from './scale-shared.ts';

const full = process.env.SCALE === 'full';
const sizeOf = (name: string, quick: number, whole: number): number =>
  Number(process.env[`SCALE_${name}`] ?? (full ? whole : quick));
const SIZES = {
  accounts: sizeOf('ACCOUNTS', 100_000, 1_000_000),
  keys: sizeOf('KEYS', 200_000, 10_000_000),
  sqliteKeys: sizeOf('SQLITE_KEYS', 100_000, 1_000_000),
  shared: sizeOf('SHARED', 20_000, 100_000),
  requests: sizeOf('REQUESTS', 500, 3000),
  calls: sizeOf('CALLS', 3000, 20_000),
};
const PARTS = ['accounts', 'keys', 'shared', 'follow', 'requests', 'sqlite'] as const;
type Part = (typeof PARTS)[number];
const only = process.env.SCALE_ONLY?.split(',') ?? PARTS;
const wants = (part: Part): boolean => only.includes(part);

/** Questions of a bench may wait: what is slow is to be measured, not given up. */
const STORE_TIMEOUT_MS = 60_000;
const OTHER_CONNECTIONS = 3;
const n = (value: number): string => value.toLocaleString('en');

async function openOn(server: RedisServer, prefix: string): Promise<Store> {
  const store = openValkeyStore(server.config({ prefix }), { now: Date.now, storeTimeoutMs: STORE_TIMEOUT_MS });
  await until(() => store.readings().up);
  await store.directory.init('new', 'cli:bench');
  return store;
}

/** A tenth into an empty directory, then all into another: the second is what is measured at size. */
async function accountsFigures(small: AccountsBench, big: AccountsBench, size: () => number | Promise<number>) {
  const { accounts } = SIZES;
  const figures = await measureImport(small, 0, accounts / 10);
  const before = await size();
  figures.push(...(await measureImport(big, 0, accounts)));
  const bytes = ((await size()) - before) / accounts;
  figures.unshift({ what: `an account, of ${n(accounts)}`, value: bytes, unit: 'bytes' });
  figures.push(...(await measureLookups(big, accounts)));
  figures.push(...(await measureFront(big, accounts)));
  figures.push(...(await measureImport(big, accounts, (accounts * 11) / 10)));
  return figures;
}

async function valkeyAccounts(server: RedisServer): Promise<Figure[]> {
  const witnessed = { engine: 'valkey', port: server.port } as const;
  const [small, big] = [await openOn(server, 'small:'), await openOn(server, 'big:')];
  const bench = (store: Store): AccountsBench => ({ store, witnessed, samples: SIZES.calls });
  const figures = await accountsFigures(bench(small), bench(big), () => usedMemory(server));
  await Promise.all([small.close(), big.close()]);
  return figures;
}

async function valkeyKeys(server: RedisServer): Promise<Figure[]> {
  const store = await openOn(server, 'otgw:');
  const before = await usedMemory(server);
  const filled = await fillKeys(store, SIZES.keys, SIZES.calls);
  const bytes = ((await usedMemory(server)) - before) / SIZES.keys;
  const times = keyTimes(store, filled, SIZES.calls);
  const figures = [
    { what: `a key, of ${n(SIZES.keys)}`, value: bytes, unit: 'bytes' },
    { what: 'fill in calls of 500', value: filled.perSecond, unit: '/s' },
    ...(await measureKeys(times)),
  ];
  const find = await engineUsEach(server, times.calls, () => times.find(64));
  const put = await engineUsEach(server, times.calls, () => times.put(64));
  figures.push({ what: 'findKey: CPU of the engine', value: find.eachUs, unit: 'us' });
  figures.push({ what: "putKeys, a create's two: CPU of the engine", value: put.eachUs, unit: 'us' });
  await store.close();
  return figures;
}

async function valkeyShared(server: RedisServer): Promise<Figure[]> {
  const store = await openOn(server, 'shared:');
  const others: Store[] = [];
  for (let count = 0; count < OTHER_CONNECTIONS; count++) others.push(await openOn(server, 'shared:'));
  const bench = { server, store, others, entries: SIZES.shared, calls: SIZES.calls };
  const figures = [
    ...(await measureLimits(bench)),
    ...(await measureVerifications(bench)),
    ...(await measureReplays(bench)),
  ];
  await Promise.all([store, ...others].map((one) => one.close()));
  return figures;
}

async function valkeyFollow(server: RedisServer): Promise<Figure[]> {
  const store = await openOn(server, 'otgw:');
  const figures = await measureFollowing(server, store, SIZES.calls / 10);
  await store.close();
  return figures;
}

async function valkeyRequests(server: RedisServer): Promise<Figure[]> {
  const store = await openOn(server, 'otgw:');
  const figures = await measureRequests(server, store, SIZES.requests);
  await store.close();
  return figures;
}

async function sqlite(what: 'accounts' | 'keys'): Promise<Figure[]> {
  using folder = openFolder();
  const pathOf = (name: string): string => join(folder.path, name);
  const open = (name: string) => openSqliteStore(pathOf(name), { now: Date.now, storeTimeoutMs: STORE_TIMEOUT_MS });
  const sizeOfFile = (): number => sqliteBytes(pathOf('big.db'));
  const big = open('big.db');
  if (what === 'accounts') {
    const small = open('small.db');
    const bench = (store: Store, name: string): AccountsBench => ({
      store,
      witnessed: { engine: 'sqlite', path: pathOf(name) },
      samples: SIZES.calls,
    });
    const figures = await accountsFigures(bench(small, 'small.db'), bench(big, 'big.db'), sizeOfFile);
    await Promise.all([small.close(), big.close()]);
    return figures;
  }
  const filled = await fillKeys(big, SIZES.sqliteKeys, SIZES.calls);
  const bytes = sizeOfFile() / SIZES.sqliteKeys;
  const figures = await measureKeys(keyTimes(big, filled, SIZES.calls));
  await big.close();
  return [
    { what: `a key, of ${n(SIZES.sqliteKeys)}`, value: bytes, unit: 'bytes' },
    { what: 'fill in calls of 500', value: filled.perSecond, unit: '/s' },
    ...figures,
  ];
}

/** The file as it is when what waits in the log beside it has gone over. */
function sqliteBytes(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const pages = db
      .prepare('SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()')
      .get();
    return Number(pages?.bytes);
  } finally {
    db.close();
  }
}

/** Each part has an engine of its own, so that one's memory is not another's. */
async function onEngine(measure: (server: RedisServer) => Promise<Figure[]>): Promise<Figure[]> {
  await using server = await startRedis();
  // Awaited here: the engine goes when this function ends.
  return await measure(server);
}

async function run(): Promise<Section[]> {
  const sections: Section[] = [];
  const add = async (title: string, measure: () => Promise<Figure[]>): Promise<void> => {
    const startMs = performance.now();
    sections.push({ title, figures: await measure() });
    console.error(`${title}: ${Math.round((performance.now() - startMs) / 1000)} s`);
  };
  if (HAS_REDIS) {
    if (wants('accounts')) await add('Valkey/Redis: accounts', () => onEngine(valkeyAccounts));
    if (wants('keys')) await add('Valkey/Redis: keys', () => onEngine(valkeyKeys));
    if (wants('shared')) await add('Valkey/Redis: shared by gateways', () => onEngine(valkeyShared));
    if (wants('follow')) await add('Valkey/Redis: gateways that follow the directory', () => onEngine(valkeyFollow));
    if (wants('requests')) await add('Valkey/Redis: requests through a gateway', () => onEngine(valkeyRequests));
  }
  if (wants('sqlite')) {
    await add('SQLite: accounts', () => sqlite('accounts'));
    await add('SQLite: keys', () => sqlite('keys'));
  }
  return sections;
}

const sections = await run();
const machine = { node: process.versions.node, cpus: cpus().length, model: cpus()[0]?.model ?? '' };
console.log(`${tables(sections)}\n\n${JSON.stringify({ machine, sizes: SIZES, sections })}`);
