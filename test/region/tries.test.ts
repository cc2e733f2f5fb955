// What undici does on its own stack, with a stand-in for its connections: when it fails a request it is still clearing that
// connection, and an attempt that is given to the same one meanwhile would end the process.
import { expect, it } from 'vitest';
import type { RegionName } from '../../src/domain.ts';
import type { Borrowed, Connections } from '../../src/region/connections.ts';
import type { Forwarded, ForwardOptions } from '../../src/region/forward.ts';
import type { Region } from '../../src/region/region.ts';
import { Tries } from '../../src/region/tries.ts';
import { egressOfNobody, permitToCreate } from '../support/permits.ts';

const US = 'us' as RegionName;

/** A region of two upstream URLs whose connections fail with `code` before anything is sent. */
function failing(code: string) {
  const seen = { dispatches: 0, nested: 0 };
  let inside = false;
  const connection: Borrowed = {
    host: 'us',
    certificate: undefined,
    dispatch(_ticket, _request, handler) {
      if (inside) seen.nested++;
      seen.dispatches++;
      inside = true;
      handler.onResponseError?.(null as never, Object.assign(new Error('connect'), { code }));
      inside = false;
      return undefined;
    },
    begin() {},
    giveBack() {},
  };
  const upstream = { origin: 'http://us', take: () => connection } as unknown as Connections;
  const region = { name: US, upstreams: [upstream, { ...upstream, origin: 'http://us-2' }] } as unknown as Region;
  return { region, seen };
}

function forward(region: Region): Promise<Forwarded> {
  const options = {
    patienceMs: 100,
    lapsed: () => undefined,
    observe: () => {},
    health: { order: () => ['http://us', 'http://us-2'], report: () => {} },
  } as unknown as ForwardOptions;
  return new Promise((resolve, reject) => {
    const request = { method: 'POST' as const, target: '/api/v1/share', headers: [], body: Buffer.from('secret=x') };
    const downstream = { isGone: () => false, onGone: () => {} };
    const about = { permit: permitToCreate(US), purpose: 'forward', effect: 'creates', over: () => {} } as const;
    const egress = egressOfNobody();
    new Tries(region, { ...about, request, downstream, egress, resolve, reject }, options).begin();
  });
}

it.each([
  ['ECONNRESET', 4],
  ['ECONNREFUSED', 2],
])('tries again after %s, never from within the failure', async (code, dispatches) => {
  const { region, seen } = failing(code);
  expect(await forward(region)).toMatchObject({ kind: 'refused', refusal: { code: 'region_unreachable' } });
  expect(seen).toEqual({ dispatches, nested: 0 });
});
