// What one connection of HTTP/2 may hold, and for how long: at each bound, what ends is told why, and nothing else does.
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { type BrokenRegion, openBrokenRegion } from '../support/broken-region.ts';
import { hasOpenssl } from '../support/certificates.ts';
import { callStream, type Http2Lab, openHttp2Lab } from '../support/http2.ts';
import {
  CANCEL,
  codeOf,
  DATA,
  END_HEADERS,
  END_STREAM,
  ENHANCE_YOUR_CALM,
  type FrameCaller,
  frame,
  GOAWAY,
  HEADERS,
  head,
  headers,
  hpack,
  INTERNAL_ERROR,
  NO_ERROR,
  openFrames,
  PING,
  REFUSED_STREAM,
  RST_STREAM,
  setting,
  uint32,
  WINDOW_UPDATE,
} from '../support/http2-frames.ts';

const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, account: OFF, failedAuth: OFF };
const STATUS = head('GET', '/us/api/v1/status');
const SHARE = [...head('POST', '/us/api/v1/share'), 'content-type', 'application/x-www-form-urlencoded'];
/** RFC 9113, 6.5.2. */
const INITIAL_WINDOW_SIZE = 4;

let lab: Http2Lab;
let region: BrokenRegion | undefined;
const callers: FrameCaller[] = [];
afterEach(async () => {
  for (const { socket } of callers.splice(0)) socket.destroy();
  await lab?.close();
  await region?.close();
  region = undefined;
});

async function open(config: object, upstreams?: Record<string, string[]>): Promise<void> {
  lab = await openHttp2Lab({ config: { limits: LIMITS, ...config }, ...(upstreams && { upstreams }) });
}
async function dial(settings?: Buffer): Promise<FrameCaller> {
  const caller = await openFrames(lab.gateway.url, lab.ca, settings);
  callers.push(caller);
  return caller;
}
const inFlight = () => lab.metric('onetime_gateway_in_flight_requests');
const refused = (code: string) => lab.metric(`onetime_gateway_refusals_total{code="${code}"}`);
const errorOf = (text: Buffer | undefined): string | undefined => /"error":"(\w+)"/.exec(text?.toString() ?? '')?.[1];

/** Sends something on and on, until the connection or what is awaited is over. */
async function trickle<T>(caller: FrameCaller, bytes: () => Buffer, over: Promise<T>): Promise<T> {
  const timer = setInterval(() => caller.send(bytes()), 50);
  return over.finally(() => clearInterval(timer));
}

describe.runIf(hasOpenssl)('a body over HTTP/2', () => {
  it.each([
    ['stalls', { timeout: '400ms' }, () => Buffer.alloc(0)],
    ['comes too slowly for its time', { timeout: '400ms', minRate: 'off' }, () => frame(DATA, 0, 1, 'x')],
    ['comes below the least rate', { minRate: '1KiB/s', minRateAfter: '300ms' }, () => frame(DATA, 0, 1, 'x')],
  ])('that %s is 408, and its stream alone ends', async (_what, request, bytes) => {
    await open({ request });
    const caller = await dial();
    caller.send(headers(1, SHARE, 0), frame(DATA, 0, 1, 'secret='));
    const answer = await trickle(caller, bytes, caller.sees(DATA, 1));
    expect(errorOf(answer.payload)).toBe('request_timeout');
    expect(codeOf(await caller.sees(RST_STREAM, 1))).toBe(NO_ERROR);
    caller.send(headers(3, STATUS));
    await caller.sees(DATA, 3);
    expect(lab.us.requests.map(({ method }) => method)).toEqual(['GET']);
  });

  it('that comes fast enough has its time', async () => {
    await open({ request: { minRate: '100B/s', minRateAfter: '200ms' } });
    const caller = await dial();
    caller.send(headers(1, SHARE, 0), frame(DATA, 0, 1, 'secret='));
    const until = performance.now() + 1000;
    const sent = async (): Promise<void> => {
      while (performance.now() < until) await new Promise((done) => setTimeout(done, 50));
    };
    await trickle(caller, () => frame(DATA, 0, 1, 'x'.repeat(20)), sent());
    caller.send(frame(DATA, 1, 1));
    await caller.sees(DATA, 1);
    expect(lab.us.requests).toHaveLength(1);
  });

  it('of 100 streams that trickle stands in nobody’s way', async () => {
    await open({ request: { minRate: 'off' } });
    const caller = await dial();
    const all = Array.from({ length: 99 }, (_, at) => 2 * at + 1);
    caller.send(...all.map((id) => headers(id, SHARE, 0)));
    await expect.poll(inFlight).toBe(99);
    const drops = (): Buffer => Buffer.concat(all.map((id) => frame(DATA, 0, id, 'x')));
    const others = lab.connect();
    await callStream(others, 'GET', '/eu/api/v1/status');
    const honest = async (): Promise<number> => {
      const begun = performance.now();
      for (let i = 0; i < 20; i++) expect((await callStream(others, 'GET', '/eu/api/v1/status')).status).toBe(200);
      caller.send(headers(199, STATUS));
      await caller.sees(DATA, 199);
      return performance.now() - begun;
    };
    expect(await trickle(caller, drops, honest())).toBeLessThan(2000);
  });
});

describe.runIf(hasOpenssl)('a connection of HTTP/2', () => {
  const listen = { idleTimeout: '500ms' };

  it('on which no request comes ends after the time for a head; one that was used, after the idle time', async () => {
    await open({ listen, request: { headersTimeout: '250ms' } });
    const silent = await dial();
    const pinging = await dial();
    const used = lab.connect();
    expect((await callStream(used, 'GET', '/us/api/v1/status')).status).toBe(200);
    const goaway = once(used, 'goaway');
    await trickle(pinging, () => frame(PING, 0, 0, '12345678'), pinging.closed);
    await silent.closed;
    expect(codeOf(await silent.sees(GOAWAY))).toBe(NO_ERROR);
    expect((await goaway)[0]).toBe(NO_ERROR);
    expect(await refused('request_timeout')).toBe(0);
  });

  it('is not idle while a request is under way on it', async () => {
    const sockets: (() => void)[] = [];
    region = await openBrokenRegion((socket) => {
      sockets.push(() =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'),
      );
    });
    await open({ listen: { idleTimeout: '300ms' } }, { us: [region.url] });
    const session = lab.connect();
    const answer = callStream(session, 'GET', '/us/api/v1/status');
    await new Promise((done) => setTimeout(done, 1000));
    for (const release of sockets) release();
    expect((await answer).status).toBe(200);
    await once(session, 'close');
  });

  it('on which a head has no end is ended, and it is counted', async () => {
    await open({ request: { headersTimeout: '300ms' } });
    const caller = await dial();
    caller.send(frame(HEADERS, 1, 1, hpack(STATUS)));
    await caller.closed;
    expect(codeOf(await caller.sees(GOAWAY))).toBe(ENHANCE_YOUR_CALM);
    expect([await refused('request_timeout'), lab.us.requests]).toEqual([1, []]);
    const slow = await dial();
    const whole = frame(HEADERS, 5, 1, hpack([...STATUS, 'x', 'y'.repeat(2000)]));
    let at = 20;
    slow.send(whole.subarray(0, at));
    await trickle(slow, () => whole.subarray(at, ++at), slow.closed);
    expect([await refused('request_timeout'), lab.us.requests]).toEqual([2, []]);
  });

  it('with heads that unpack to much has no more room beside its requests for that', async () => {
    await open({});
    const caller = await dial();
    const entry = hpack(['x', 'y'.repeat(3900)]);
    // Kept in the table, which a caller may use that has not heard of its end; then a byte each.
    const first = Buffer.concat([hpack(STATUS), Buffer.from([0x40]), entry.subarray(1)]);
    const packed = Buffer.concat([hpack(STATUS), Buffer.alloc(12, 0xbe)]);
    caller.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, first));
    for (let id = 3; id < 40; id += 2) caller.send(frame(HEADERS, END_STREAM | END_HEADERS, id, packed));
    expect(errorOf((await caller.sees(DATA, 39)).payload)).toBe('headers_too_large');
    const unknown = frame(0x42, 0, 0, 'x'.repeat(1000));
    caller.send(...Array.from({ length: 400 }, () => unknown));
    await caller.closed;
    expect(codeOf(await caller.sees(GOAWAY))).toBe(ENHANCE_YOUR_CALM);
  });

  it('that has been unused for longest makes place for a new one, and one with a request does not', async () => {
    const held: (() => void)[] = [];
    region = await openBrokenRegion((socket) => {
      held.push(() => socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'));
    });
    await open({ listen: { maxConnections: 2 } }, { us: [region.url] });
    const busy = await dial();
    busy.send(headers(1, STATUS));
    await expect.poll(() => held.length).toBe(1);
    const unused = await dial();
    unused.send(headers(1, head('GET', '/eu/api/v1/status')));
    await unused.sees(DATA, 1);
    const third = await dial();
    await unused.closed;
    third.send(headers(1, head('GET', '/eu/api/v1/status')));
    await third.sees(DATA, 1);
    for (const release of held) release();
    await busy.sees(DATA, 1);
  });

  it('ends after its last request, which is answered', async () => {
    await open({ listen: { maxRequestsPerConnection: 3 } });
    const caller = await dial();
    caller.send(headers(1, STATUS), headers(3, STATUS));
    await caller.sees(DATA, 3);
    caller.send(headers(5, STATUS), headers(7, STATUS));
    await caller.sees(DATA, 5);
    const goaway = await caller.sees(GOAWAY);
    expect(codeOf(goaway)).toBe(NO_ERROR);
    await caller.closed;
    expect(lab.us.requests).toHaveLength(3);
    expect(codeOf(await caller.sees(RST_STREAM, 7))).toBe(REFUSED_STREAM);
  });
});

describe.runIf(hasOpenssl)('an answer over HTTP/2 that is not taken', () => {
  const LONG = 1_000_000;
  const long = async (): Promise<string> => {
    region = await openBrokenRegion((socket) => {
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${LONG}\r\n\r\n${'x'.repeat(LONG)}`,
      );
    });
    return region.url;
  };

  it('has its stream cut after the time for it, and the connection goes on', async () => {
    await open({ request: { timeout: '400ms' } }, { us: [await long()] });
    const caller = await dial(setting(INITIAL_WINDOW_SIZE, 0));
    caller.send(headers(1, STATUS));
    expect(codeOf(await caller.sees(RST_STREAM, 1))).toBe(INTERNAL_ERROR);
    await expect.poll(inFlight).toBe(0);
    expect(lab.log.join('')).toMatch(/"outcome":"delivered".*"msg":"caller gone"/);
    caller.send(headers(3, head('HEAD', '/eu/api/v1/status')));
    await caller.sees(HEADERS, 3);
  });

  it('by a caller that resets the stream has not been taken, whatever code that gives', async () => {
    await open({}, { us: [await long()] });
    for (const code of [NO_ERROR, CANCEL]) {
      const caller = await dial(setting(INITIAL_WINDOW_SIZE, 1000));
      caller.send(headers(1, STATUS));
      await caller.sees(DATA, 1);
      caller.send(frame(RST_STREAM, 0, 1, uint32(code)));
      await expect.poll(inFlight).toBe(0);
    }
    await expect.poll(() => lab.log.filter((line) => /"msg":"caller gone"/.test(line)).length).toBe(2);
    expect(lab.log.join('')).not.toMatch(/"msg":"answered"/);
  });

  it('of which a little is taken at a time is cut after that time, too', async () => {
    await open({ request: { timeout: '400ms' } }, { us: [await long()] });
    const caller = await dial(setting(INITIAL_WINDOW_SIZE, 1000));
    caller.send(headers(1, STATUS));
    const window = (): Buffer => frame(WINDOW_UPDATE, 0, 1, uint32(1));
    expect(codeOf(await trickle(caller, window, caller.sees(RST_STREAM, 1)))).toBe(INTERNAL_ERROR);
  });

  it('by a caller that reads nothing at all holds neither the request nor the connection', async () => {
    await open({ request: { timeout: '400ms' }, listen: { idleTimeout: '300ms' } }, { us: [await long()] });
    const caller = await dial(setting(INITIAL_WINDOW_SIZE, 2 ** 31 - 1));
    caller.send(frame(WINDOW_UPDATE, 0, 0, uint32(2 ** 30)));
    caller.socket.pause();
    caller.send(...Array.from({ length: 30 }, (_, at) => headers(2 * at + 1, STATUS)));
    await expect.poll(() => region?.received.length).toBeGreaterThan(0);
    await expect.poll(inFlight, { timeout: 5000 }).toBe(0);
    // Whoever writes to a connection that is not there any more hears of it.
    await trickle(caller, () => frame(PING, 0, 0, '12345678'), caller.closed);
  });
});
