// Nothing of what callers said is in the audit log, in any of its files, whatever came of their calls.
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { type AuditedLab, openAudited } from '../support/audited.ts';
import { openBrokenRegion } from '../support/broken-region.ts';
import { call } from '../support/http.ts';
import { BRUNO, WANDERER } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';
import { until } from '../support/redis.ts';

const TOKEN = `otga_${'t'.repeat(43)}`;
const ADMIN = {
  host: '127.0.0.1',
  port: 0,
  tokens: [{ name: 'test', role: 'write', hash: `sha256:${createHash('sha256').update(TOKEN).digest('hex')}` }],
};
const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF };
const PASSTHROUGH = [{ prefix: '/app', region: 'eu', credentials: 'forward' }];

/** In every place where a caller can say something; all lower case letters, so that no spelling hides them. */
const CANARY = {
  key: 'canarykeycanarykeycanarykeycan1',
  path: 'canarypath',
  query: 'canaryquery',
  body: 'canarybody',
  header: 'canaryheader',
  host: 'canaryhost.example',
  idempotency: 'canaryidempotency-0123456789',
  region: 'canaryregion',
  method: 'CANARYMETHOD',
  name: 'canaryname@eu.example',
  token: 'canarytoken',
  cookie: 'canarycookie',
  trace: 'canarytrace',
  answer: 'canaryanswer',
};

const HEADERS = {
  Host: CANARY.host,
  'X-Own': CANARY.header,
  'User-Agent': CANARY.header,
  Cookie: `session=${CANARY.cookie}`,
  tracestate: `vendor=${CANARY.trace}`,
  traceparent: '00-00000000000000000000000000c0ffee-00f067aa0ba902b7-01',
};

/** What may be asked, with canaries wherever something can be said. */
async function askEverything(lab: AuditedLab, as: string | undefined): Promise<void> {
  const { key, path, query, body } = CANARY;
  const headers = { ...HEADERS, 'Idempotency-Key': CANARY.idempotency };
  const form = `secret=${body}&passphrase=${body}&recipient=${body}`;
  const asked: readonly (readonly [string, string, string?])[] = [
    ['POST', `/eu/api/v1/share?x=${query}`, form],
    ['POST', `/eu/api/v1/share?x=${query}`, form],
    ['POST', `/eu/api/v1/secret/${key}?passphrase=${query}`, `passphrase=${body}`],
    ['GET', `/eu/api/v1/private/${key}?${query}`],
    ['POST', `/api/v1/private/${key}/burn`, form],
    ['GET', '/api/v1/private/recent'],
    ['GET', `/secret/${key}`],
    ['GET', `/${CANARY.region}/api/v1/status?${query}`],
    ['GET', `/api/v1/${path}/%2e/${key}`],
    ['GET', `/app/${path}?${query}`],
    ['POST', `/app/${path}/../${path}`, form],
    [CANARY.method, `/eu/api/v1/status`],
  ];
  for (const [method, target, sent] of asked) {
    await lab.call(method, target, { as, headers, body: sent }).catch(() => undefined);
  }
  const named = { ...headers, 'Onetime-Region': CANARY.region };
  await lab.call('GET', '/api/v1/status', { as, headers: named });
  await lab.call('GET', '/eu/api/v1/status', { headers: { ...headers, authorization: `Basic ${CANARY.token}` } });
}

/** Each file of the log and beside it, as text. */
function everythingIn(folder: string): string {
  const files = globSync(`${folder}/**/*`).filter((path) => /\.(jsonl|gz|head)$/.test(path));
  return files
    .map((path) => (path.endsWith('.gz') ? gunzipSync(readFileSync(path)) : readFileSync(path)).toString())
    .join('\n');
}

/** The outcomes that the log has, and its kinds. */
const seen = (lab: AuditedLab): Set<unknown> => new Set(lab.records().flatMap(({ kind, outcome }) => [kind, outcome]));

function expectNothingIn(text: string): void {
  const spellings = Object.values(CANARY).flatMap((canary) => [
    canary,
    encodeURIComponent(canary),
    Buffer.from(canary).toString('base64').replace(/=+$/, ''),
    Buffer.from(canary).toString('hex'),
  ]);
  expect(spellings.filter((spelling) => text.toLowerCase().includes(spelling.toLowerCase()))).toEqual([]);
}

const CALLERS = [
  undefined,
  BRUNO,
  WANDERER,
  `${CANARY.name}:${CANARY.token}`,
  `nobody-${CANARY.name.replace('eu.', 'no.')}:x`,
];

it('not of calls that are delivered, refused or not sent, and not of what operators do', async () => {
  const config = { admin: ADMIN, passthrough: PASSTHROUGH, limits: LIMITS };
  await using lab = await openAudited({ config, audit: { rotate: { size: '16KiB' } } });
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  const account = CANARY.name.replace('eu.', 'listed.');
  const put = JSON.stringify({ account, region: 'us' });
  expect((await call(lab.gateway.adminUrl, 'POST', '/admin/v1/accounts', { headers, body: put })).status).toBeLessThan(
    300,
  );
  await lab.record('directory', (record) => record.account !== null);
  for (const as of [...CALLERS, `${account}:${CANARY.token}`]) await askEverything(lab, as);
  await lab.eu.close();
  for (const as of CALLERS) await askEverything(lab, as);
  await lab.end();
  const text = everythingIn(lab.folder);
  expect(text.match(/"kind":"request"/g)?.length).toBeGreaterThan(100);
  // Also in files that were closed.
  expect(globSync(`${lab.folder}/audit-*`).length).toBeGreaterThan(1);
  for (const has of ['"delivered"', '"not_sent"', '"verify"', '"directory"', '"opened"']) expect(text).toContain(has);
  expectNothingIn(text);
});

it('not of calls whose outcome is unknown, and not of what their region said', async () => {
  const region = await openBrokenRegion((socket, request) => {
    if (request.startsWith('POST'))
      socket.end(`HTTP/1.1 200 ${CANARY.answer}\r\nContent-Length: 99\r\n\r\n${CANARY.answer}`);
    else socket.end(`${CANARY.answer}\r\n\r\n`);
  });
  await using lab = await openAudited({
    upstreams: { eu: [region.url] },
    config: { passthrough: PASSTHROUGH, limits: LIMITS },
  });
  for (const as of CALLERS) await askEverything(lab, as);
  const caller = rawCaller(lab.gateway.url);
  caller.send(
    `POST /eu/api/v1/secret/${CANARY.key} HTTP/1.1\r\nHost: ${CANARY.host}\r\nContent-Length: 99\r\n\r\n${CANARY.body}`,
  );
  await until(async () => (await lab.metric('onetime_gateway_in_flight_requests')) === 1);
  caller.socket.destroy();
  await caller.closed;
  await until(async () => (await lab.metric('onetime_gateway_in_flight_requests')) === 0);
  await lab.end();
  expect(seen(lab)).toEqual(
    new Set(['opened', 'head', 'reload', 'request', 'verify', 'closed', undefined, null, 'unknown', 'not_sent']),
  );
  expectNothingIn(everythingIn(lab.folder));
  await region.close();
});
