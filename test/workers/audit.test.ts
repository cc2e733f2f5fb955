// The audit log of a gateway of several threads: one chain, whatever becomes of a thread, of the main one, and of the process.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Agent } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openJournal } from '../../src/audit/journal.ts';
import { publicKeysBeside } from '../../src/audit/key.ts';
import type { AuditRecord } from '../../src/audit/record.ts';
import { type AuditVerdict, verifyAudit } from '../../src/audit/verify.ts';
import { parseConfig } from '../../src/config/load.ts';
import { createLevel } from '../../src/record/level.ts';
import { openSeveral } from '../../src/workers/several.ts';
import { readRecords } from '../support/audited.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { type HeldRegion, openHeldRegion } from '../support/held-region.ts';
import { call, type Reply } from '../support/http.ts';
import { BRUNO } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { runCli } from '../support/process.ts';
import { until } from '../support/redis.ts';
import { IDENTITY_KEY, openServed, type Served, type ServedOptions } from './served.ts';

const preload = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const WORKERS = 2;
const FLUSH_MS = 50;
/** How long a worker's record may wait for the main thread (workers/main.ts). */
const COLLECT_MS = 25;

let folder: Folder;
let file: string;
let key: string;
let served: Served | undefined;
beforeEach(() => {
  folder = openFolder();
  file = join(folder.path, 'log', 'audit.jsonl');
  key = join(folder.path, 'audit.key');
});
afterEach(async () => {
  await served?.[Symbol.asyncDispose]();
  served = undefined;
  folder[Symbol.dispose]();
});

interface Options extends Partial<ServedOptions> {
  readonly audit?: Readonly<Record<string, unknown>>;
}

async function open({ audit, config, ...options }: Options = {}): Promise<Served> {
  const env = {
    NODE_OPTIONS: `--import ${preload('deadly.preload.ts')} --import ${preload('blocked.preload.ts')}`,
    DEADLY_FOLDER: folder.path,
    BLOCKED_FOLDER: folder.path,
  };
  const section = { file, key, flush: `${FLUSH_MS}ms`, ...audit };
  served = await openServed({ workers: WORKERS, env, ...options, config: { ...config, audit: section } });
  return served;
}

const requests = (): AuditRecord[] => readRecords(file).filter(({ kind }) => kind === 'request');
const idOf = ({ headers }: Reply): string => String(headers['x-request-id']);

function verify(): Promise<AuditVerdict> {
  return verifyAudit({ file, publicKeys: publicKeysBeside(key).map((one) => one.key) });
}

/** Waits until each of these has a record, and holds that it has one only. */
async function allRecorded(replies: readonly Reply[]): Promise<void> {
  const wanted = replies.map(idOf);
  const has = (): string[] => requests().map(({ request }) => String(request));
  await until(() => new Set(has()).isSupersetOf(new Set(wanted)), 10_000);
  expect(has()).toHaveLength(new Set(has()).size);
}

async function ask(from: Served, agents: ReadonlyMap<number, Agent>, times: number): Promise<Reply[]> {
  const replies: Reply[] = [];
  const of = async (agent: Agent): Promise<void> => {
    for (let turn = 0; turn < times; turn++) {
      replies.push(await from.call('GET', '/api/v1/authcheck', { agent, as: BRUNO }));
    }
  };
  await Promise.all([...agents.values()].map(of));
  return replies;
}

it('every request of every thread has one record, in one chain, with its upstream', async () => {
  const from = await open();
  const replies = await ask(from, await from.reach(), 30);
  expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
  await allRecorded(replies);
  expect((await from.stop('SIGTERM')).code).toBe(0);
  const records = readRecords(file);
  expect(records.slice(0, 3).map(({ kind }) => kind)).toEqual(['opened', 'head', 'reload']);
  expect(records[2]).toMatchObject({
    result: 'started',
    version: expect.any(String),
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(records.slice(-2).map(({ kind }) => kind)).toEqual(['closed', 'head']);
  const toEu = records.filter(({ upstream }) => upstream === new URL(from.eu.url).host);
  expect(toEu).toHaveLength(from.eu.requests.length);
  expect(await verify()).toMatchObject({ good: true, unsigned: 0 });

  // What an auditor is told of it, with the identity key of that time, and without.
  const report = async (keys: string): Promise<string> => {
    const [account = ''] = BRUNO.split(':');
    const span = ['--from', '2020-01-01', '--to', '2100-01-01'];
    const args = ['audit', 'report', '--account', account, ...span, '--config', from.file];
    return (await runCli(args, { env: { GATEWAY_IDENTITY_KEY: keys } })).stdout;
  };
  const other = 'cd'.repeat(32);
  expect(await report(IDENTITY_KEY)).toContain('No request of this account was sent outside eu between');
  expect(await report(`${other},${IDENTITY_KEY}`)).toContain('No request of this account was sent outside eu between');
  const blind = await report(other);
  expect(blind).not.toContain('No request of this account');
  expect(blind).toContain('are under another identity key');
});

function agentOf(agents: ReadonlyMap<number, Agent>, worker: number): Agent {
  const agent = agents.get(worker);
  if (agent === undefined) throw new Error(`no connection to worker ${worker}`);
  return agent;
}

async function kill(from: Served, worker: number, how: 'exit' | 'throw', as: string): Promise<void> {
  folder.write(`end-${worker}`, how);
  await until(async () => (await from.metric(`onetime_gateway_worker_restarts_total{reason="${as}"}`)) === 1);
  await until(async () => (await from.metric('onetime_gateway_workers')) === WORKERS);
}

it.each([
  ['ends', 'exit', 'ended'],
  ['crashes', 'throw', 'crashed'],
] as const)(
  'a thread that %s loses no record of what it has answered; what it had under way is counted as missing',
  async (_what, how, as) => {
    await using region: HeldRegion = await openHeldRegion();
    const from = await open({ upstreams: { us: region.url } });
    const agents = await from.reach();
    const cut = from.call('POST', '/us/api/v1/share', { agent: agentOf(agents, 1), body: 'secret=x' });
    cut.catch(() => {});
    await region.first;
    const others = [...(await from.reach()).entries()].filter(([worker]) => worker === 1);
    const replies = await ask(from, new Map(others), 40);
    await kill(from, 1, how, as);
    await expect(cut).rejects.toThrow();
    await allRecorded(replies);
    await until(() => readRecords(file).some(({ kind }) => kind === 'gap'));
    expect(readRecords(file).filter(({ kind }) => kind === 'gap')).toMatchObject([{ lost: 1, why: 'under_way' }]);
    // The one that takes its place is heard like the others.
    await allRecorded(await ask(from, await from.reach(), 3));
    await from.stop('SIGTERM');
    expect(await verify()).toMatchObject({ good: true });
  },
);

it('a call that was at its region when the gateway was closed is recorded as unknown', async () => {
  await using region: HeldRegion = await openHeldRegion();
  const config = parseConfig(
    JSON.stringify({
      listen: { host: '127.0.0.1', port: 0 },
      admin: { host: '127.0.0.1', port: 0 },
      regions: { us: { upstreams: [region.url] } },
      store: `sqlite:${folder.path}/gateway.db`,
      identityKey: `${folder.path}/identity.key`,
      workers: WORKERS,
      log: { level: 'fatal' },
      audit: { file, key },
    }),
    'gateway.yaml',
    {},
  );
  const log = pino({ level: 'silent' });
  const gateway = await openSeveral(config, {
    log,
    level: createLevel(log, { file: 'fatal' }),
    version: 'test',
    begun: [],
  });
  if (gateway === 'alone') throw new Error('one thread alone can listen here');
  const cut = call(gateway.url, 'POST', '/us/api/v1/share', { body: 'secret=x' });
  cut.catch(() => {});
  await region.first;
  await gateway.close();
  await expect(cut).rejects.toThrow();
  const upstream = new URL(region.url).host;
  expect(requests()).toMatchObject([{ region: 'us', upstream, outcome: 'unknown', status: null }]);
  expect(readRecords(file).filter(({ kind }) => kind === 'gap')).toEqual([]);
  expect(await verify()).toMatchObject({ good: true });
});

it('while nothing can be written no thread sends anything, and all of them do again by themselves', async () => {
  const from = await open({ audit: { heads: '50ms' } });
  const agents = await from.reach();
  await ask(from, agents, 1);
  renameSync(file, `${file}.away`);
  const failing = (): Promise<number> => from.metric('onetime_gateway_audit_failing');
  await until(async () => (await failing()) === 1);
  // The threads are told with the next look.
  await until(async () => (await ask(from, agents, 1)).every(({ status }) => status === 503));
  from.eu.clearLedger();
  const refused = await ask(from, agents, 5);
  for (const { status, headers, body } of refused) {
    expect([status, headers['retry-after'], JSON.parse(body).error]).toEqual([503, '5', 'audit_unavailable']);
  }
  expect(from.eu.requests).toEqual([]);
  renameSync(`${file}.away`, file);
  await until(async () => (await failing()) === 0);
  await until(async () => (await ask(from, agents, 1)).every(({ status }) => status === 200));
  await allRecorded(refused);
  await from.stop('SIGTERM');
  expect(await verify()).toMatchObject({ good: true });
});

it('while the main thread is busy the others go on, and their records follow', async () => {
  const from = await open();
  const agents = await from.reach();
  await ask(from, agents, 1);
  folder.write('block', '');
  await until(() => existsSync(join(folder.path, 'blocked')));
  const before = requests().length;
  const replies = await ask(from, agents, 20);
  expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
  expect(requests()).toHaveLength(before);
  rmSync(join(folder.path, 'block'));
  await allRecorded(replies);
  await from.stop('SIGTERM');
  expect(await verify()).toMatchObject({ good: true });
});

it('a process that is killed has written what it answered a moment before, and the log goes on', async () => {
  const from = await open();
  const agents = await from.reach();
  const early = await ask(from, agents, 10);
  const answeredMs = performance.now();
  await allRecorded(early);
  // FLUSH_MS and COLLECT_MS, and what two cores that serve all of this are late.
  expect(performance.now() - answeredMs).toBeLessThan(FLUSH_MS + COLLECT_MS + 1000);
  await ask(from, agents, 5);
  await from.stop('SIGKILL');
  const there = new Set(requests().map(({ request }) => String(request)));
  expect(early.filter((reply) => !there.has(idOf(reply)))).toEqual([]);

  const journal = openJournal(
    {
      file,
      keyFile: key,
      flushMs: 10,
      onFailure: 'refuse',
      headsMs: 60_000,
      rotate: { sizeBytes: 1e9, every: 'never' },
      keepMs: 1e12,
      compress: false,
    },
    { now: Date.now, observe() {} },
  );
  await journal.close();
  const kinds = readRecords(file).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'opened')).toHaveLength(2);
  expect(kinds.filter((kind) => kind === 'closed')).toHaveLength(1);
  expect(await verify()).toMatchObject({ good: true });
});

it.each([1, WORKERS])(
  'says which configuration is in force, by its digest, at the start and when another one is (%i threads)',
  async (workers) => {
    const from = await open({ workers });
    const digest = (): string => createHash('sha256').update(readFileSync(from.file)).digest('hex');
    const reloads = (): AuditRecord[] => readRecords(file).filter(({ kind }) => kind === 'reload');
    await until(() => reloads().length === 1);
    expect(reloads()[0]).toMatchObject({ result: 'started', actor: 'start', digest: digest() });
    const config = JSON.parse(readFileSync(from.file, 'utf8'));
    // More than a record has room for, were each of them named.
    const rules = Array.from({ length: 2000 }, (_, n) => ({ domain: `d${n}.example`, region: 'us' }));
    writeFileSync(from.file, JSON.stringify({ ...config, accounts: { rules }, errors: 'verbatim' }));
    from.process.kill('SIGHUP');
    await until(() => reloads().length === 2);
    expect(reloads()[1]).toMatchObject({ result: 'applied', digest: digest(), changed: ['accounts.rules', 'errors'] });
    expect(await from.metric('onetime_gateway_config_last_reload_successful')).toBe(1);
    await from.stop('SIGTERM');
    expect(await verify()).toMatchObject({ good: true });
  },
);

it.skipIf(!needs('prlimit', 'apt-get install util-linux'))(
  'a disk that takes no more: nothing is sent until there is room again, and every record follows',
  async () => {
    const from = await open({ workers: 1, config: { store: 'sqlite::memory:' } });
    const limit = (bytes: string): void => {
      execFileSync('prlimit', ['--pid', String(from.process.pid), `--fsize=${bytes}:unlimited`]);
    };
    const authcheck = (): Promise<Reply> => from.call('GET', '/api/v1/authcheck', { as: BRUNO });
    await authcheck();
    // In the middle of a record.
    limit(String(statSync(file).size + 100));
    const replies = [await authcheck()];
    await until(async () => (await from.metric('onetime_gateway_audit_failing')) === 1);
    from.eu.clearLedger();
    for (let turn = 0; turn < 10; turn++) {
      const refused = await authcheck();
      expect([refused.status, refused.json().error]).toEqual([503, 'audit_unavailable']);
      replies.push(refused);
    }
    expect(from.eu.requests).toEqual([]);
    limit('unlimited');
    await until(async () => (await from.metric('onetime_gateway_audit_failing')) === 0);
    expect((await authcheck()).status).toBe(200);
    await allRecorded(replies);
    await from.stop('SIGTERM');
    expect(await verify()).toMatchObject({ good: true });
  },
);

it('without a log nothing is kept, and everything is served', async () => {
  const from = await open({ audit: { file: null } });
  const replies = await ask(from, await from.reach(), 3);
  expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
  await from.stop('SIGTERM');
  expect(existsSync(file)).toBe(false);
});
