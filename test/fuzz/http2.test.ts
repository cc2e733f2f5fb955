// Callers of HTTP/2 that send anything: frames of good requests, made wrong by chance, over sockets. FUZZ_SECONDS=600 goes on for
// longer, FUZZ_SEED=N repeats a run.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FrameReader } from '../../src/listener/http2-frames.ts';
import { hasOpenssl } from '../support/certificates.ts';
import { callStream, type Http2Lab, openHttp2Lab } from '../support/http2.ts';
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  GOAWAY,
  HEADERS,
  head,
  hpack,
  openFrames,
  PING,
  PREFACE,
  RST_STREAM,
  SETTINGS,
  uint32,
  WINDOW_UPDATE,
} from '../support/http2-frames.ts';
import type { Random } from './random.ts';
import { fuzz, runsOf, shown, within } from './run.ts';

const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF };
const LANES = 24;
/** Every connection is answered and closed by then: the gateway waits half a second for what does not come. */
const BOUND_MS = 10_000;
const FORM = ['content-type', 'application/x-www-form-urlencoded'];
const PATHS = ['/api/v1/status', '/api/v1/share'];

/** Good requests, each on a stream of its own, frame by frame. @param name stands in each body */
function goodFrames(random: Random, name: string): Buffer[] {
  const frames: Buffer[] = [];
  const count = 1 + random.below(4);
  for (let at = 0; at < count; at++) {
    const stream = 2 * at + 1;
    if (random.below(3) === 0) {
      frames.push(
        frame(HEADERS, END_HEADERS | END_STREAM, stream, hpack(head('GET', '/us/api/v1/status', 'x-a', 'b'))),
      );
      continue;
    }
    const named = `secret=${name}-${at}-`;
    const body = `${named}${'x'.repeat(random.below(300))}.`;
    const length = random.below(2) === 0 ? ['content-length', String(body.length)] : [];
    const block = hpack(head('POST', '/us/api/v1/share', ...FORM, ...length));
    const cut = random.below(2) === 0 ? block.length : 1 + random.below(block.length - 1);
    frames.push(frame(HEADERS, cut === block.length ? END_HEADERS : 0, stream, block.subarray(0, cut)));
    if (cut < block.length) frames.push(frame(CONTINUATION, END_HEADERS, stream, block.subarray(cut)));
    const half = named.length + random.below(body.length - named.length);
    frames.push(frame(DATA, 0, stream, body.slice(0, half)), frame(DATA, END_STREAM, stream, body.slice(half)));
  }
  return frames;
}

const NOISE = [
  () => frame(PING, 0, 0, '12345678'),
  () => frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])),
  () => frame(WINDOW_UPDATE, 0, 0, uint32(1)),
  () => frame(0x42, 0xff, 7, 'unknown'),
  () => frame(GOAWAY, 0, 0, Buffer.alloc(8)),
  (random: Random) => frame(RST_STREAM, 0, 2 * random.below(4) + 1, uint32(random.below(12))),
  (random: Random) => frame(DATA, random.below(2), 2 * random.below(4) + 1, 'stray'),
  (random: Random) => frame(CONTINUATION, END_HEADERS, 2 * random.below(4) + 1, hpack(['x', 'y'])),
  (random: Random) => frame(HEADERS, END_HEADERS | END_STREAM, random.below(9), hpack(['x', '\0'])),
];

type Mutation = (frames: Buffer[], random: Random) => void;
const MUTATIONS: readonly Mutation[] = [
  (frames, random) => void frames.splice(random.below(frames.length), 1),
  (frames, random) => void frames.splice(random.below(frames.length), 0, random.pick(frames)),
  (frames, random) => void frames.splice(random.below(frames.length + 1), 0, random.pick(NOISE)(random)),
  (frames, random) => {
    const [one] = frames.splice(random.below(frames.length), 1);
    if (one !== undefined) frames.splice(random.below(frames.length + 1), 0, one);
  },
  // Any byte: of a length, a type, flags, a stream, a head or a body.
  (frames, random) => {
    const at = random.below(frames.length);
    const copy = Buffer.from(frames[at] ?? []);
    const byte = random.below(2) === 0 ? random.below(9) : random.below(copy.length);
    copy[byte] = random.below(2) === 0 ? random.below(256) : (copy[byte] ?? 0) ^ (1 << random.below(8));
    frames[at] = copy;
  },
  (frames, random) => {
    const at = random.below(frames.length);
    frames[at] = (frames[at] ?? Buffer.alloc(0)).subarray(0, random.below(60));
  },
];

describe.runIf(hasOpenssl)('frames that are wrong by chance', () => {
  let lab: Http2Lab;
  beforeAll(async () => {
    const request = { timeout: '500ms', headersTimeout: '500ms' };
    lab = await openHttp2Lab({ config: { limits: LIMITS, request, listen: { idleTimeout: '500ms' } } });
  });
  afterAll(() => lab.close());

  /** Sends them; resolves when the gateway has closed the connection, which it does of itself. */
  async function exchange(frames: readonly Buffer[], random: Random): Promise<void> {
    const caller = await openFrames(lab.gateway.url, lab.ca);
    const bytes = Buffer.concat(frames);
    const cut = random.below(2) === 0 ? bytes.length : random.below(bytes.length + 1);
    caller.send(bytes.subarray(0, cut));
    await new Promise(setImmediate);
    if (cut < bytes.length) caller.send(bytes.subarray(cut));
    await within(caller.closed, BOUND_MS, 'a connection').finally(() => caller.socket.destroy());
  }

  it.each(runsOf(300, 6))(
    'seed $seed: it lives, sends on nothing but what was whole, and no call twice',
    async (run) => {
      const sent = new Map<string, number>();
      const cases = await fuzz(run, LANES, async (random, turn) => {
        const frames = goodFrames(random, `case-${turn}`);
        const changes = random.below(4);
        for (let i = 0; i < changes && frames.length > 0; i++) random.pick(MUTATIONS)(frames, random);
        const text = Buffer.concat(frames).toString('latin1');
        for (const [name] of text.matchAll(/case-\d+-\d+-/g)) sent.set(name, (sent.get(name) ?? 0) + 1);
        try {
          await exchange(frames, random);
          const session = lab.connect();
          expect((await within(callStream(session, 'GET', '/eu/api/v1/status'), BOUND_MS, 'an answer')).status).toBe(
            200,
          );
          session.destroy();
        } catch (cause) {
          throw new Error(shown(cause, { frames: frames.map((each) => each.toString('latin1')) }), { cause });
        }
      });
      expect(cases).toBeGreaterThan(50);
      const seen = new Map<string, number>();
      for (const { path, body } of lab.us.requests) {
        expect(PATHS).toContain(path);
        const [name] = /case-\d+-\d+-/.exec(body) ?? [];
        if (name !== undefined) seen.set(name, (seen.get(name) ?? 0) + 1);
      }
      for (const [name, count] of seen) expect([name, count]).toSatisfy(() => count <= (sent.get(name) ?? 0));
      expect(seen.size).toBeGreaterThan(cases / 20);
      expect(await lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
      expect(lab.eu.requests.every(({ path }) => path === '/api/v1/status')).toBe(true);
      lab.clearLedgers();
    },
    3_600_000,
  );
});

it.each(runsOf(5000, 2))(
  'seed $seed: any bytes are followed to their end',
  async (run) => {
    const cases = await fuzz(run, 1, async (random, turn) => {
      const frames = goodFrames(random, `case-${turn}`);
      for (let i = random.below(6); i > 0 && frames.length > 0; i--) random.pick(MUTATIONS)(frames, random);
      const bytes = Buffer.concat([PREFACE, ...frames]);
      const reader = new FrameReader();
      const whole = new FrameReader();
      whole.read(bytes);
      for (let at = 0; at < bytes.length; ) {
        const next = at + 1 + random.below(40);
        reader.read(bytes.subarray(at, next));
        at = next;
      }
      const stateOf = (one: FrameReader) => [one.isOver, one.isHeadOpen, ...[1, 3, 5, 7].map((id) => one.takeHead(id))];
      expect(stateOf(reader)).toEqual(stateOf(whole));
    });
    expect(cases).toBeGreaterThan(100);
  },
  3_600_000,
);
