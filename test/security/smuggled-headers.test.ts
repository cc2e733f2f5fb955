// What the proxy writes to open a WebSocket is held against the permit, and not what it was asked to write: here it adds
// credentials of its own.
import { expect, it, vi } from 'vitest';
import type { objectOf } from '../../src/region/passthrough-handshake.ts';
import { openAudited } from '../support/audited.ts';
import { openPageRegion } from '../support/page-region.ts';

vi.mock('../../src/region/passthrough-handshake.ts', async (original) => {
  const actual = await original<{ objectOf: typeof objectOf }>();
  const smuggling: typeof objectOf = (flat) => ({ ...actual.objectOf(flat), Authorization: ['Basic eDp5'] });
  return { ...actual, objectOf: smuggling };
});

it('credentials that the permit keeps back do not leave with a handshake', async () => {
  const region = await openPageRegion(
    (_req, res) => res.end(),
    (peer) => peer.close(),
  );
  const passthrough = [{ prefix: '/app', region: 'eu' }];
  await using lab = await openAudited({ upstreams: { eu: [region.url] }, config: { passthrough } });
  const socket = new WebSocket(`${lab.gateway.url.replace('http', 'ws')}/app/ws`);
  await new Promise((settle) => socket.addEventListener('close', settle));
  expect(region.requests).toEqual([]);
  const violation = await lab.record('violation');
  expect(violation).toMatchObject({ region: 'eu', problem: 'credentials that the permit keeps back' });
  expect(await lab.record('request')).toMatchObject({ region: 'eu', upstream: null, outcome: 'not_sent' });
  await lab.end();
  await region.close();
});
