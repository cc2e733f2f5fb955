// Several workers count callers' connections together; what one of them had open when it died is open no more.
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { type RawCaller, rawCaller } from '../support/raw.ts';
import { until } from '../support/redis.ts';
import { openServed, type Served } from './served.ts';

const PRELOAD = fileURLToPath(new URL('deadly.preload.ts', import.meta.url));
const HALF = 'POST /us/api/v1/share HTTP/1.1\r\nHost: g\r\nContent-Length: 100000\r\n\r\nsecret=';
const REFUSED = /^HTTP\/1\.1 503 [\s\S]*"error":"too_many_connections"/;

let folder: Folder;
let served: Served;
const callers = new Set<RawCaller>();
beforeEach(() => {
  folder = openFolder();
});
afterEach(async () => {
  for (const { socket } of callers) socket.destroy();
  callers.clear();
  await served[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function open(listen: Readonly<Record<string, unknown>>): Promise<void> {
  served = await openServed({
    workers: 2,
    config: { listen: { host: '127.0.0.1', port: 0, ...listen } },
    env: { NODE_OPTIONS: `--import ${PRELOAD}`, DEADLY_FOLDER: folder.path },
  });
}

function dial(): RawCaller {
  const caller = rawCaller(served.url);
  caller.send(HALF);
  callers.add(caller);
  return caller;
}

const openNow = () => served.metric('onetime_gateway_connections');
const restarts = () => served.metric('onetime_gateway_worker_restarts_total{reason="ended"}');

it.each([
  ['in all', { maxConnections: 40 }, 'all'],
  ['of one address', { maxConnectionsPerAddress: 40 }, 'address'],
])(
  'as many are let in as there may be %s, whichever worker has them, also after one has died',
  async (_what, listen, reason) => {
    await open(listen);
    // The system spreads them over both.
    const first = Array.from({ length: 40 }, dial);
    await until(async () => (await openNow()) === 40);
    const more = Array.from({ length: 10 }, dial);
    const answers = await Promise.all(more.map(({ closed }) => closed));
    expect(answers.filter((text) => REFUSED.test(text))).toHaveLength(10);
    expect(await served.metric(`onetime_gateway_connections_refused_total{reason="${reason}"}`)).toBe(10);

    folder.write('end-1', 'exit');
    await until(async () => (await restarts()) === 1);
    await until(async () => (await served.metric('onetime_gateway_workers')) === 2);
    await until(async () => first.some(({ socket }) => socket.closed));
    const left = first.filter(({ socket }) => !socket.closed).length;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(40);
    const again = Array.from({ length: 40 - left }, dial);
    await until(async () => (await openNow()) === 40);
    expect(again.filter(({ socket }) => socket.closed)).toEqual([]);
    expect(await dial().closed).toMatch(REFUSED);
  },
);
