// Nothing secret stays behind: not in what the gateway writes, whatever becomes of a call and of the process; not in its
// memory, once a call is answered. And what is for operators is not on the callers' port.
import { globSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ADMIN_ROUTES } from '../../src/listener/admin-routes.ts';
import { type BrokenRegion, openBrokenRegion } from '../support/broken-region.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { ALICE, BRUNO, openLab } from '../support/lab.ts';
import { ROOT } from '../support/process.ts';
import { rawCaller } from '../support/raw.ts';
import { until } from '../support/redis.ts';
import { openServed, type Served } from '../workers/served.ts';

const PRELOAD = fileURLToPath(new URL('hygiene.preload.ts', import.meta.url));
/** Lower-case letters, in each place where a caller or a region can say something. */
const CANARY = {
  key: 'canarykeycanarykeycanarykeycan2',
  path: 'canarypathx',
  query: 'canaryqueryx',
  body: 'canarybodyx',
  answer: 'canaryanswerx',
  name: 'canaryname',
  token: 'canarytokenx',
  header: 'canaryheaderx',
  held: 'canaryheldx',
  crash: 'canarycrashx',
};
/** All that cross, all that the gateway reads, and some that it does not know. */
const HEADERS = [
  'Accept',
  'Accept-Language',
  'User-Agent',
  'Cookie',
  'Referer',
  'Origin',
  'X-Forwarded-For',
  'Forwarded',
  'Via',
  'X-Request-Id',
  'tracestate',
  'baggage',
  'If-None-Match',
  'Range',
  'X-Own',
];
const headers = Object.fromEntries(HEADERS.map((name) => [name, CANARY.header]));

let orders: Folder;
let region: BrokenRegion;
let served: Served;
beforeEach(async () => {
  orders = openFolder();
  // Does what the body asks for; without a word it keeps its caller waiting.
  region = await openBrokenRegion((socket, request) => {
    if (request.includes('reset')) socket.resetAndDestroy();
    else if (request.includes('cut'))
      socket.end(`HTTP/1.1 200 ${CANARY.answer}\r\nContent-Length: 99\r\n\r\n${CANARY.answer}`);
  });
  served = await openServed({
    workers: 1,
    upstreams: { eu: region.url },
    config: { log: { level: 'trace' }, request: { timeout: '500ms' }, upstream: { headersTimeout: '500ms' } },
    env: { NODE_OPTIONS: `--import ${PRELOAD}`, HYGIENE_FOLDER: orders.path },
  });
});
afterEach(async () => {
  await served[Symbol.asyncDispose]();
  await region.close();
  orders[Symbol.dispose]();
});

/** Has the preload do something. @returns what it wrote */
async function order(name: 'heap' | 'look'): Promise<string> {
  rmSync(`${orders.path}/${name}.done`, { force: true });
  orders.write(name, '');
  await until(() => readdirSync(orders.path).includes(`${name}.done`));
  return readFileSync(`${orders.path}/${name}.done`, 'utf8');
}

/** Calls of every fate: delivered, refused in several ways, not sent, unknown, timed out. @returns their statuses */
async function callAll(agent?: Agent): Promise<number[]> {
  const { key, path, query, body } = CANARY;
  const more = { headers, ...(agent === undefined ? {} : { agent }) };
  const statuses: number[] = [];
  const ask = async (method: string, target: string, as?: string, sent?: string): Promise<string> => {
    const reply = await served.call(method, target, { ...more, as, body: sent });
    statuses.push(reply.status);
    return reply.body;
  };
  const form = `secret=${body}&passphrase=${body}`;
  const made = await ask('POST', `/api/v1/share?x=${query}`, ALICE, form);
  const secret = /"secret_key":"(\w+)"/.exec(made)?.[1] ?? '';
  expect(await ask('POST', `/us/api/v1/secret/${secret}`, undefined, `passphrase=${body}`)).toContain(body);
  await ask('GET', `/api/v1/private/${key}`, ALICE);
  await ask('GET', '/api/v1/private/recent', `${ALICE}${CANARY.token}`);
  await ask('GET', '/api/v1/private/recent', `${CANARY.name}@nowhere.example:${CANARY.token}`);
  await ask('POST', `/${path}/${key}?${query}`, BRUNO, form);
  await ask('GET', `/api/v1/%2e/${path}?${query}`);
  await ask('DELETE', `/api/v1/secret/${key}`);
  for (const what of ['reset', 'cut', 'wait'])
    await ask('POST', `/eu/api/v1/share?${query}`, undefined, `${form}${what}`);
  return statuses;
}

/** Everything that is written below a folder, as text: files of the store are read as the bytes that they are. */
function everythingIn(folder: string): string {
  const files = globSync(`${folder}/**/*`).filter((file) => statSync(file).isFile());
  const texts = files.map((file) =>
    (file.endsWith('.gz') ? gunzipSync(readFileSync(file)) : readFileSync(file)).toString('latin1'),
  );
  return texts.join('\n');
}

function canariesIn(text: string): string[] {
  const lower = text.toLowerCase();
  return Object.values(CANARY).filter(
    (canary) =>
      [canary, encodeURIComponent(canary), Buffer.from(canary).toString('hex')].some((spelling) =>
        lower.includes(spelling),
      ) || text.includes(Buffer.from(canary).toString('base64').replace(/=+$/, '')),
  );
}

/** Dumps that a process leaves where it runs. */
const dumps = (folder: string): string[] =>
  readdirSync(folder).filter((name) =>
    /^core\b|^report\.|\.(heapsnapshot|cpuprofile|heapprofile)$|^isolate-/.test(name),
  );

it('of calls of every fate, and of a crash in the middle of one, nothing is in log, metrics, store, audit log or a dump', async () => {
  const before = dumps(ROOT);
  const statuses = await callAll();
  for (const status of [200, 404, 401, 400, 405, 502, 504]) expect(statuses).toContain(status);
  const slow = rawCaller(served.url);
  slow.send(`POST /us/api/v1/share HTTP/1.1\r\nHost: g\r\nContent-Length: 99\r\n\r\n${CANARY.body}`);
  expect(await slow.closed).toMatch(/^HTTP\/1\.1 408 /);
  const metrics = await served.metrics();

  // Is in memory, in a call that is under way, and in the error that ends the process.
  const sent = region.received.length;
  const held = rawCaller(served.url);
  const body = `secret=${CANARY.held}`;
  held.send(`POST /eu/api/v1/share HTTP/1.1\r\nHost: g\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await until(() => region.received.length > sent);
  orders.write('crash', CANARY.crash);
  expect((await served.process.exited).code).not.toBe(0);
  expect(await held.closed).not.toContain('HTTP/1.1 2');

  expect(served.process.stdout()).toContain('"crashed"');
  expect(served.process.stdout()).toContain('hygiene.preload');
  expect(canariesIn(served.process.output())).toEqual([]);
  expect(metrics).toContain('outcome="unknown"');
  expect(canariesIn(metrics)).toEqual([]);
  const files = everythingIn(served.folder.path);
  for (const has of ['SQLite format 3', '"kind":"request"', '"outcome":"unknown"']) expect(files).toContain(has);
  expect(canariesIn(files)).toEqual([]);
  expect(dumps(ROOT)).toEqual(before);
  expect(dumps(served.folder.path)).toEqual([]);
});

describe('the memory of a gateway whose callers have their answers and keep their connections', () => {
  it('has no key, path, query, body, token or answer among what is in use', async () => {
    const agent = new Agent({ keepAlive: true });
    await callAll(agent);
    expect(Object.values(agent.freeSockets).flat().length).toBeGreaterThan(0);
    const heap = await order('heap');
    agent.destroy();
    expect(heap).toContain('control-of-the-heap');
    expect(canariesIn(heap)).toEqual([]);
  });

  it('has no body among the Buffers that are in use, and no report of Node’s would say more than it must', async () => {
    const { arrayBuffers: before } = JSON.parse(await order('look'));
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const body = `secret=${'x'.repeat(1_000_000)}`;
    const replies = await Promise.all(
      Array.from({ length: 16 }, () => served.call('POST', '/us/api/v1/share', { agent, body })),
    );
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => replies[0]?.status));
    expect(served.us.requests.at(-1)?.body.length).toBe(body.length);
    // Not before the last answers are out.
    let told = JSON.parse(await order('look'));
    await until(async () => {
      told = JSON.parse(await order('look'));
      return told.arrayBuffers - before < 4_000_000;
    }, 5000);
    const { arrayBuffers: after, report } = told;
    agent.destroy();
    expect(after - before).toBeLessThan(4_000_000);
    expect(report).toEqual({
      excludeEnv: true,
      excludeNetwork: true,
      reportOnFatalError: false,
      reportOnSignal: false,
      reportOnUncaughtException: false,
    });
  });
});

describe('on the callers’ port', () => {
  const OPEN = [
    '/metrics',
    '/livez',
    '/readyz',
    '/',
    '/index.html',
    '/favicon.ico',
    '/console',
    '/console/',
    '/console/main.js',
  ];
  const routes = ADMIN_ROUTES.map(
    ({ method, path }) => [method, `/admin/v1${path.replace(/\{\w+\}/g, 'eu')}`] as const,
  );
  const forms = (path: string): string[] => [
    path,
    `${path}/`,
    `${path}?x`,
    `/us${path}`,
    `/.${path}`,
    `/${path}`,
    `/%2e${path}`,
  ];

  it('nothing of the operators’ is served, whoever asks and however it is written', async () => {
    const lab = await openLab();
    const admin = new URL(lab.gateway.adminUrl).host;
    const authorization = `Bearer otga_${'t'.repeat(43)}`;
    const asked = [...routes, ...OPEN.map((path) => ['GET', path] as const)];
    expect(asked.length).toBeGreaterThan(30);
    for (const [method, path] of asked) {
      for (const target of [...forms(path), `http://${admin}${path}`]) {
        const reply = await call(lab.gateway.url, method, target, { headers: { host: admin, authorization } });
        expect([400, 404, 405], `${method} ${target}`).toContain(reply.status);
        // A refusal in the gateway's own form.
        expect(reply.headers['onetime-gateway-outcome'], target).toBe('not_sent');
        expect(reply.json().error, target).toBeTypeOf('string');
      }
    }
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
    await lab.close();
  });
});

it('the unit forbids core dumps', () => {
  const unit = readFileSync(`${ROOT}config/systemd/onetime-gateway.service`, 'utf8');
  expect(unit).toMatch(/^LimitCORE=0$/m);
  expect(unit).toMatch(/^CoredumpFilter=0$/m);
});
