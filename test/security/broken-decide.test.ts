// Decide is broken on purpose: whatever it permits, nothing of a pinned account leaves its regions, and no credentials do. The
// regions' own ledgers say so; the trace that each call carries tells whose it was.
import { connect } from 'node:net';
import { expect, it, vi } from 'vitest';
import type { AuditRecord } from '../../src/audit/record.ts';
import type { createDecide } from '../../src/policy/decide.ts';
import type { TwinRequest } from '../../src/twin/twin.ts';
import { type AuditedLab, openAudited } from '../support/audited.ts';
import { basic, type Reply } from '../support/http.ts';
import { ALICE, BOTH_EU, BOTH_US, BRUNO, WANDERER } from '../support/lab.ts';
import { breakDecide } from './broken-decide.ts';

const SEED = 20260301;

vi.mock('../../src/policy/decide.ts', async (original) => {
  const actual = await original<{ createDecide: typeof createDecide }>();
  return {
    createDecide: (policy: Parameters<typeof createDecide>[0]) => breakDecide(actual.createDecide(policy), SEED),
  };
});

type Region = 'us' | 'eu';

interface Account {
  /** Undefined: nobody. */
  readonly as: string | undefined;
  readonly regions: readonly Region[];
  readonly pinned: boolean;
}

const NOBODY: Account = { as: undefined, regions: ['us', 'eu'], pinned: false };

const ACCOUNTS: readonly Account[] = [
  { as: ALICE, regions: ['us'], pinned: true },
  { as: BRUNO, regions: ['eu'], pinned: true },
  { as: WANDERER, regions: ['eu'], pinned: false },
  { as: BOTH_EU, regions: ['eu', 'us'], pinned: true },
  { as: BOTH_US, regions: ['eu', 'us'], pinned: true },
  // Served nowhere: accounts.unknown is refuse.
  { as: 'stranger@nowhere.example:token', regions: [], pinned: true },
  NOBODY,
];

const KEY = 'nosuchkey000000000000000000000';
const SHOWN = 'POST /api/v1/secret/KEY';
const PLAIN = 'GET /eu-plain/page';

/** What is called, by a name in which its key is KEY. What may leave an account’s regions is called more than once. */
const CALLS: readonly (readonly [string, string | undefined])[] = [
  ['POST /api/v1/share', 'secret=x&ttl=600'],
  ['GET /us/api/v1/status', undefined],
  ['GET /api/v1/private/recent', undefined],
  [SHOWN, 'passphrase=y'],
  [SHOWN, 'passphrase=y'],
  [SHOWN, undefined],
  [SHOWN, undefined],
  ['POST /api/v1/private/KEY/burn', undefined],
  ['GET /api/v2/status', undefined],
  ['GET /us-app/page', undefined],
  ['POST /eu-app/form', 'a=b'],
  [PLAIN, undefined],
  ['GET /us-app/socket', 'websocket'],
  ['GET /eu-app/socket', 'websocket'],
];

const PASSTHROUGH = [
  { prefix: '/us-app', region: 'us', credentials: 'forward' },
  { prefix: '/eu-app', region: 'eu', credentials: 'forward' },
  { prefix: '/eu-plain', region: 'eu' },
];
const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF };

interface Made {
  readonly account: Account;
  readonly what: string;
}

/** Asks for a WebSocket, and resolves when the gateway has answered or closed. */
function handshake(lab: AuditedLab, path: string, headers: Readonly<Record<string, string>>): Promise<void> {
  const { hostname, port } = new URL(lab.gateway.url);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const upgrade = 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
  return new Promise((settle) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\n${upgrade}${lines.join('')}\r\n`);
    });
    socket.on('error', () => {});
    socket.once('data', () => socket.destroy());
    socket.once('close', () => settle());
  });
}

async function make(
  lab: AuditedLab,
  number: number,
  account: Account,
  [name, body]: (typeof CALLS)[number],
): Promise<void> {
  const [method = '', path = ''] = name.replace('KEY', KEY).split(' ');
  const headers = { traceparent: `00-${traceOf(number)}-00f067aa0ba902b7-01` };
  const { as } = account;
  if (body === 'websocket') {
    await handshake(lab, path, as === undefined ? headers : { ...headers, authorization: basic(as) });
    return;
  }
  // A defect of ours that ends in a cut connection is none that lets something out.
  await lab.call(method, path, { as, headers, body }).catch((): Reply | undefined => undefined);
}

const traceOf = (number: number): string => (number + 1).toString(16).padStart(32, '0');

function headerOf({ headers }: TwinRequest, wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
}

/** What is wrong with a region having been sent this. */
function wrongWith(row: TwinRequest, region: Region, made: readonly Made[]): string | undefined {
  const trace = headerOf(row, 'traceparent')?.split('-')[1];
  const of = made.find((_, number) => traceOf(number) === trace);
  if (of === undefined) return 'nobody’s';
  // Under a prefix whose credentials stay here everybody is nobody.
  const account = of.what === PLAIN ? NOBODY : of.account;
  const sent = headerOf(row, 'authorization');
  if (sent !== undefined && (account.as === undefined || sent !== basic(account.as))) return 'another’s credentials';
  if (account.regions.includes(region)) return undefined;
  if (sent !== undefined) return 'credentials outside';
  if (account.pinned) return 'a pinned account outside';
  return of.what === SHOWN ? undefined : 'more than a retrieval outside';
}

const CALLERS = 8;

it('nothing of a pinned account and no credentials leave, whatever decide permits; what was stopped is counted and in the log', async () => {
  await using lab = await openAudited({ config: { passthrough: PASSTHROUGH, limits: LIMITS, replay: 'off' } });
  const made: Made[] = [];
  for (let round = 0; round < 20; round++) {
    for (const account of ACCOUNTS) for (const [what] of CALLS) made.push({ account, what });
  }
  const waiting = made.map((_, number) => number);
  const callers = Array.from({ length: CALLERS }, async () => {
    for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
      const account = made[number]?.account;
      const call = CALLS[number % CALLS.length];
      if (account !== undefined && call !== undefined) await make(lab, number, account, call);
    }
  });
  await Promise.all(callers);
  const counted = await lab.metric('onetime_gateway_pin_violations_total');
  await lab.end();

  const rows = (['us', 'eu'] as const).flatMap((region) => lab[region].requests.map((row) => ({ region, row })));
  const wrong = rows.map(({ region, row }) => wrongWith(row, region, made)).filter((what) => what !== undefined);
  expect(wrong).toEqual([]);
  // Enough went, and to both, that this says something.
  expect(lab.us.requests.length).toBeGreaterThan(40);
  expect(lab.eu.requests.length).toBeGreaterThan(40);

  const records = lab.records();
  const violations = records.filter(({ kind }) => kind === 'violation');
  expect(violations.length).toBe(counted);
  const problems = Map.groupBy(violations, ({ problem }) => problem);
  expect([...problems.keys()].toSorted()).toEqual([
    'a pinned account outside its regions',
    'an account that nobody knows',
    'credentials without an account',
    'credentials would be verified outside the account’s regions',
    'credentials would leave the account’s regions',
    'not a region of this gateway',
    'not the region of the permit',
    'only a retrieval may leave the account’s regions',
  ]);
  expect(await lab.verify()).toMatchObject({ good: true, faults: [] });
  // What is no region of this gateway’s is in no record of a request.
  const named = records.filter(({ kind }) => kind === 'request').map(({ region }) => region);
  expect(new Set(named)).toEqual(new Set([null, 'us', 'eu']));

  // And the log has each request that a region took, under that region’s name, and no more.
  const sentTo = (region: Region): AuditRecord[] =>
    records.filter(({ upstream }) => upstream === new URL(lab[region].url).host);
  for (const region of ['us', 'eu'] as const) {
    expect(sentTo(region)).toHaveLength(lab[region].requests.length);
    expect(new Set(sentTo(region).map((record) => record.region))).toEqual(new Set([region]));
  }
}, 60_000);
