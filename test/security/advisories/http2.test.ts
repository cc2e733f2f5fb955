// HTTP/2: what Node's advisories about it send, to a listener that does not speak it, and to one that does.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hasOpenssl } from '../../support/certificates.ts';
import { callStream, type Http2Lab, openHttp2Lab } from '../../support/http2.ts';
import * as frames from '../../support/http2-frames.ts';
import { shows } from './advisories.ts';
import { API, expectRefused, expectServing, openWorld, UNLIMITED, type World } from './world.ts';

vi.setConfig({ testTimeout: 10_000 });

const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION] = [0, 1, 3, 4, 6, 8, 9];
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** `:method: GET`, `:path: /`, `:scheme: http`, by their numbers in HPACK's static table. */
const FIELDS = '\x82\x84\x86';

/** One frame (RFC 9113, 4.1), a character a byte. */
function frame(type = 0, flags = 0, stream = 0, payload = ''): string {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return head.toString('latin1') + payload;
}

const many = (count: number, frameOf: (stream: number) => string): string =>
  Array.from({ length: count }, (_, at) => frameOf(2 * at + 1)).join('');

const ATTACKS = [
  ['CVE-2023-44487', many(100, (id) => frame(HEADERS, 5, id, FIELDS) + frame(RST_STREAM, 0, id, '\0\0\0\x08'))],
  ['CVE-2024-27983', many(50, (id) => frame(HEADERS, 1, id, FIELDS) + frame(CONTINUATION, 0, id, 'x'.repeat(99)))],
  ['CVE-2026-21714', many(20, () => frame(WINDOW_UPDATE, 0, 0, '\x7f\xff\xff\xff'))],
  ['CVE-2026-48937', many(20, () => frame(DATA, 0, 0, 'on no stream'))],
  ['CVE-2026-56846', many(100, (id) => frame(HEADERS, 4, id, FIELDS))],
  ['CVE-2026-56848', many(100, () => frame(SETTINGS) + frame(PING, 0, 0, '12345678'))],
] as const;

describe('without TLS', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.close());

  it.each(ATTACKS)('what %s sends is no request', async (_id, bytes) => {
    expect(await expectRefused(world, `${PREFACE}${frame(SETTINGS)}${bytes}`)).toBe(400);
    await expectServing(world);
  });

  it('nor is a request upgraded to it: it is answered as HTTP/1.1', async () => {
    const headers = {
      Connection: 'Upgrade, HTTP2-Settings',
      Upgrade: 'h2c',
      'HTTP2-Settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
    };
    for (const target of [API, '/help/x']) expect((await world.lab.call('GET', target, { headers })).status).toBe(200);
    const crossed = world.eu.requests[0]?.headers.map(([name]) => name);
    expect(crossed).not.toContain('upgrade');
    expect(crossed).not.toContain('http2-settings');
  });
});

/** A window that is made too large, data on no stream, and so on: each ends the connection. */
const ENDING: readonly (readonly [string, () => Buffer[]])[] = [
  ['CVE-2023-44487', () => each(1000, (id) => [frames.headers(id, STATUS), reset(id)])],
  ['CVE-2024-27983', () => [begun(1), ...each(50, () => [frames.frame(CONTINUATION, 0, 1, frames.hpack(['x', 'y']))])]],
  ['CVE-2026-21714', () => each(20, () => [frames.frame(WINDOW_UPDATE, 0, 0, frames.uint32(0x7fffffff))])],
  ['CVE-2026-48937', () => [frames.frame(DATA, 0, 0, 'on no stream'), frames.headers(1, STATUS)]],
  ['CVE-2026-56848', () => each(20_000, () => [frames.frame(SETTINGS), frames.frame(PING, 0, 0, '12345678')])],
];
const STATUS = frames.head('GET', API);
const begun = (stream: number): Buffer => frames.frame(HEADERS, 1, stream, frames.hpack(STATUS));
const reset = (stream: number): Buffer => frames.frame(RST_STREAM, 0, stream, frames.uint32(frames.CANCEL));
const each = (count: number, framesOf: (stream: number) => Buffer[]): Buffer[] =>
  Array.from({ length: count }, (_, at) => framesOf(2 * at + 1)).flat();

describe.runIf(hasOpenssl)('with TLS', () => {
  let lab: Http2Lab;
  beforeAll(async () => {
    lab = await openHttp2Lab({ config: { limits: UNLIMITED } });
  });
  afterAll(() => lab.close());

  /** That the gateway still serves, has nothing under way, and no region has seen anything but this. */
  async function expectServed(): Promise<void> {
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
    const session = lab.connect();
    expect((await callStream(session, 'GET', API)).status).toBe(200);
    session.destroy();
    expect(lab.us.requests).toHaveLength(1);
    await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
    lab.clearLedgers();
  }

  it.each(ENDING.map(([id, bytes]) => [shows(id), bytes] as const))('%s', async (_shown, bytes) => {
    const caller = await frames.openFrames(lab.gateway.url, lab.ca);
    caller.send(...bytes());
    await caller.closed;
    expect(caller.seen.filter(({ type }) => type === HEADERS)).toEqual([]);
    await expectServed();
  });

  it(shows('CVE-2026-56846'), async () => {
    const caller = await frames.openFrames(lab.gateway.url, lab.ca);
    // Heads of 60 KB that are not ended, on many streams: one at a time may be under way.
    caller.send(
      ...each(100, (id) => [frames.frame(HEADERS, 0, id, frames.hpack([...STATUS, 'x', 'y'.repeat(15_000)]))]),
    );
    await caller.closed;
    await expectServed();
  });

  it('CVE-2024-27983 (node): nor does a connection that is cut between CONTINUATION frames end anything else', async () => {
    const caller = await frames.openFrames(lab.gateway.url, lab.ca);
    caller.send(begun(1), frames.frame(CONTINUATION, 0, 1, frames.hpack(['x', 'y'])));
    caller.socket.destroy();
    await caller.closed;
    await expectServed();
  });
});
