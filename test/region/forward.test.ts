// What a permit rests on may end while a connection is being opened for it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import type { RegionName } from '../../src/domain.ts';
import { Refusal } from '../../src/refusal.ts';
import type { AttemptRequest } from '../../src/region/attempt.ts';
import { createForward } from '../../src/region/forward.ts';
import { createRegion } from '../../src/region/region.ts';
import { egressOfNobody, permitToCreate } from '../support/permits.ts';

const US = 'us' as RegionName;

it('sends nothing when the lease ends while the connection is being opened', async () => {
  const received: unknown[] = [];
  const server = createServer((req, res) => {
    received.push(req.url);
    res.end('{}');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const times = { connectTimeoutMs: 1000, headersTimeoutMs: 1000, bodyTimeoutMs: 1000, idleTimeoutMs: 1000 };
  const region = createRegion(US, [`http://127.0.0.1:${port}`], { ...times, connections: 1, queue: { most: 1 } });
  onTestFinished(async () => {
    await region.close();
    server.close();
  });
  let over = false;
  const outcomes: string[] = [];
  const forward = createForward(new Map([[US, region]]), {
    ...times,
    collectBytes: 1000,
    patienceMs: 1000,
    clientOf: (address) => address,
    health: {
      gate: () => ({ kind: 'go', over: () => {} }),
      order: () => region.upstreams.map(({ origin }) => origin),
      report: () => {},
    },
    onViolation: () => {},
    lapsed: () => (over ? new Refusal('directory_unavailable', { outcome: 'not_sent' }) : undefined),
    line: { waited: () => {}, turnedAway: () => {} },
    led: () => {},
    observe: (_region, _purpose, _effect, outcome) => outcomes.push(outcome),
  });
  const send = () => {
    const request: AttemptRequest = { method: 'POST', target: '/api/v1/share', headers: [], body: Buffer.alloc(0) };
    const downstream = { isGone: () => false, onGone: () => {} };
    return forward(permitToCreate(US), US, 'forward', 'creates', request, downstream, egressOfNobody());
  };

  const forwarded = send();
  over = true;
  expect(await forwarded).toMatchObject({ kind: 'refused', refusal: { code: 'directory_unavailable' } });
  expect([received, outcomes]).toEqual([[], ['not_sent']]);

  // The connection was given back.
  over = false;
  expect(await send()).toMatchObject({ kind: 'answered', answer: { status: 200 } });
});
