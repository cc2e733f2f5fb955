// A region that is down is not asked: 503 at once, nothing sent; and it is asked again harmlessly before a secret is.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type BrokenRegion, openBrokenRegion } from '../support/broken-region.ts';
import { type Lab, openLab } from '../support/lab.ts';

const KEY = 'abcdefghij0123456789abcdefghij0';
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
const NOMINAL = '{"status":"nominal","locale":"en"}';
const OFF = { mode: 'off' };

let lab: Lab | undefined;
let broken: BrokenRegion | undefined;
let well = false;
afterEach(async () => {
  await lab?.close();
  await broken?.close();
  well = false;
});

/** us answers its status while it is well, and breaks every other connection. */
function behave(socket: Socket, request: string): void {
  if (!well) socket.destroy();
  else if (request.startsWith('GET ')) socket.write(`${HEAD}Content-Length: ${NOMINAL.length}\r\n\r\n${NOMINAL}`);
  else socket.write(`${HEAD}Content-Length: 2\r\n\r\n{}`);
}

async function open(mode = 'enforce'): Promise<Lab> {
  broken = await openBrokenRegion(behave);
  lab = await openLab({
    upstreams: { us: [broken.url] },
    config: {
      limits: { perKey: OFF, anonymousRetrieval: OFF },
      health: { probe: '60s', breaker: { failures: 3, open: '10s', mode } },
    },
  });
  return lab;
}

const retrieve = (opened: Lab) => opened.call('POST', `/us/api/v1/secret/${KEY}`);

describe('after three failures in a row', () => {
  it('a retrieval is 503 with Retry-After and not_sent, and reaches nobody; eu is untouched', async () => {
    const opened = await open();
    for (let i = 0; i < 3; i++) expect((await retrieve(opened)).status).toBe(502);
    const sent = broken?.received.length;
    const reply = await retrieve(opened);
    expect([reply.status, reply.json().error]).toEqual([503, 'region_down']);
    expect(reply.headers['onetime-gateway-outcome']).toBe('not_sent');
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
    expect(broken?.received.length).toBe(sent);
    expect((await opened.call('GET', '/eu/api/v1/status')).status).toBe(200);
    expect(await opened.metric('onetime_gateway_breaker_state{region="us"}')).toBe(2);
    expect(await opened.metric('onetime_gateway_region_up{region="us"}')).toBe(0);
  });

  it('it is tried again with a harmless call, and then let through', async () => {
    const opened = await open();
    for (let i = 0; i < 3; i++) await retrieve(opened);
    well = true;
    opened.advance(10_001);
    const before = broken?.received.length ?? 0;
    const early = await retrieve(opened);
    expect(early.status).toBe(503);
    await expect.poll(() => opened.metric('onetime_gateway_breaker_state{region="us"}')).toBe(0);
    expect(broken?.received.slice(before).map((request) => request.split(' ').slice(0, 2).join(' '))).toEqual([
      'GET /api/v1/status',
    ]);
    expect((await retrieve(opened)).status).toBe(200);
  });

  it('a harmless call of a caller’s is the trial', async () => {
    const opened = await open();
    for (let i = 0; i < 3; i++) await retrieve(opened);
    well = true;
    opened.advance(10_001);
    expect((await opened.call('GET', '/us/api/v1/status')).status).toBe(200);
    expect((await retrieve(opened)).status).toBe(200);
  });

  it('in mode shadow everything passes, and is counted', async () => {
    const opened = await open('shadow');
    for (let i = 0; i < 5; i++) expect((await retrieve(opened)).status).toBe(502);
    expect(await opened.metric('onetime_gateway_breaker_held_total{region="us",mode="shadow"}')).toBe(2);
  });
});

it('answers that callers can provoke open nothing, and have the region asked at most once a minute', async () => {
  broken = await openBrokenRegion((socket, request) => {
    if (request.startsWith('GET ')) socket.write(`${HEAD}Content-Length: ${NOMINAL.length}\r\n\r\n${NOMINAL}`);
    else socket.write('HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n');
  });
  lab = await openLab({
    upstreams: { us: [broken.url] },
    config: { limits: { perKey: OFF, anonymousRetrieval: OFF } },
  });
  for (let i = 0; i < 10; i++) expect((await retrieve(lab)).status).toBe(500);
  expect(broken.received.filter((request) => request.startsWith('GET /api/v1/status ')).length).toBeLessThanOrEqual(1);
  expect(await lab.metric('onetime_gateway_breaker_state{region="us"}')).toBe(0);
});

it('a budget for anonymous calls to a region holds for all clients together, when enforced', async () => {
  const regionBudget = { per: '20m', requests: 3, burst: 3, mode: 'enforce' };
  lab = await openLab({ config: { limits: { regionBudget, perKey: OFF } } });
  const statuses = [];
  for (let i = 1; i <= 4; i++)
    statuses.push((await lab.call('GET', '/us/api/v1/status', { from: `127.0.5.${i}` })).status);
  expect(statuses).toEqual([200, 200, 200, 429]);
  expect((await lab.call('GET', '/eu/api/v1/status')).status).toBe(200);
});
