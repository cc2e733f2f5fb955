// Floods of HTTP/2, at the level of frames, against a gateway of its own: each ends the connection or is refused, a caller on
// another one is answered meanwhile, nothing reaches a region, and the process keeps nothing of it.
import type { ClientHttp2Session } from 'node:http2';
import { connect } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTwin, type Twin } from '../../src/twin/twin.ts';
import { type CertificateFolder, hasOpenssl, openCertificates } from '../support/certificates.ts';
import { callStream } from '../support/http2.ts';
import {
  CANCEL,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  type FrameCaller,
  frame,
  HEADERS,
  head,
  headers,
  hpack,
  openFrames,
  PING,
  PRIORITY,
  RST_STREAM,
  SETTINGS,
  setting,
  uint32,
  WINDOW_UPDATE,
} from '../support/http2-frames.ts';
import { type Running, startCli } from '../support/process.ts';

const STATUS = head('GET', '/us/api/v1/status');
const SHARE = [...head('POST', '/us/api/v1/share'), 'content-type', 'application/x-www-form-urlencoded'];
const NOTHING = '/api/v1/nothing';
/** What takes longer is a caller that others stand in the way of. */
const AT_ONCE_MS = 2000;
const MANY = 50_000;
const MOST_GROWTH_BYTES = 64 * 1024 * 1024;

const times = (count: number, frames: (at: number) => Buffer): Buffer[] =>
  Array.from({ length: count }, (_, at) => frames(at));
const reset = (id: number): Buffer => frame(RST_STREAM, 0, id, uint32(CANCEL));
/** A field that goes to the table, and `count` references to it: a byte each for 4 KB. */
const bomb = (count: number): Buffer =>
  Buffer.concat([Buffer.from([0x40]), hpack(['x', 'y'.repeat(4000)]).subarray(1), Buffer.alloc(count, 0xbe)]);

/** What is sent, and whether the connection ends for it. */
const FLOODS: readonly (readonly [string, 'ends' | 'goes on', () => Buffer[]])[] = [
  [
    'streams that are made and reset (CVE-2023-44487)',
    'ends',
    () => times(5000, (at) => Buffer.concat([headers(2 * at + 1, STATUS), reset(2 * at + 1)])),
  ],
  [
    'CONTINUATION without an end',
    'ends',
    () => [
      frame(HEADERS, END_STREAM, 1, hpack(STATUS)),
      ...times(2000, () => frame(CONTINUATION, 0, 1, hpack(['x', 'y'.repeat(5000)]))),
    ],
  ],
  [
    'empty CONTINUATION',
    'ends',
    () => [frame(HEADERS, END_STREAM, 1, hpack(STATUS)), ...times(MANY, () => frame(CONTINUATION, 0, 1))],
  ],
  [
    'a head that unpacks to 40 MB (HPACK bomb)',
    'goes on',
    () => [frame(HEADERS, END_STREAM | END_HEADERS, 1, Buffer.concat([hpack(STATUS), bomb(10_000)]))],
  ],
  [
    '100 such heads',
    'ends',
    () =>
      times(200, (at) =>
        frame(HEADERS, END_STREAM | END_HEADERS, 2 * at + 1, Buffer.concat([hpack(STATUS), bomb(10_000)])),
      ),
  ],
  ['empty DATA (CVE-2019-9518)', 'ends', () => [headers(1, SHARE, 0), ...times(MANY, () => frame(DATA, 0, 1))]],
  ['DATA of a byte each', 'ends', () => [headers(1, SHARE, 0), ...times(MANY, () => frame(DATA, 0, 1, 'x'))]],
  [
    'DATA that is padding',
    'ends',
    () => [
      headers(1, SHARE, 0),
      ...times(2000, () => frame(DATA, 0x8, 1, Buffer.concat([Buffer.from([255]), Buffer.alloc(255)]))),
    ],
  ],
  ['SETTINGS (CVE-2019-9515)', 'ends', () => times(MANY, () => frame(SETTINGS, 0, 0, setting(4, 65_535)))],
  ['PING (CVE-2019-9512)', 'ends', () => times(MANY, () => frame(PING, 0, 0, '12345678'))],
  ['PRIORITY (CVE-2019-9513)', 'ends', () => times(MANY, (at) => frame(PRIORITY, 0, 2 * at + 1, '\0\0\0\0\x10'))],
  ['WINDOW_UPDATE', 'ends', () => times(MANY, () => frame(WINDOW_UPDATE, 0, 0, uint32(1)))],
  ['RST_STREAM of streams that are over', 'ends', () => [headers(1, STATUS), ...times(MANY, () => reset(1))]],
  ['frames that nobody knows', 'ends', () => times(MANY, () => frame(0x42, 0, 0, '12345678'))],
  [
    'heads that are none (CVE-2019-9514)',
    'ends',
    () => times(5000, (at) => headers(2 * at + 1, [...STATUS, 'connection', 'close'])),
  ],
  [
    'trailers that are none',
    'ends',
    () => times(5000, (at) => Buffer.concat([headers(2 * at + 1, SHARE, 0), headers(2 * at + 1, [':path', '/'])])),
  ],
  [
    'heads that cannot be read',
    'ends',
    () => times(100, (at) => frame(HEADERS, END_STREAM | END_HEADERS, 2 * at + 1, Buffer.alloc(100, 0xff))),
  ],
  ['a frame of 16 MB', 'ends', () => [frame(DATA, 0, 1, Buffer.alloc(2 ** 24 - 1))]],
  ['HTTP/1.1', 'ends', () => [Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')]],
];

describe.runIf(hasOpenssl)('a flood', () => {
  let files: CertificateFolder;
  let us: Twin;
  let running: Running;
  let url = '';
  let admin = '';
  let honest: ClientHttp2Session;

  beforeAll(async () => {
    us = await startTwin({ region: 'us' });
    files = openCertificates();
    files.authority('authority');
    files.issue('gateway', 'localhost', 'authority');
    const config = {
      listen: { host: '127.0.0.1', port: 0, tls: { cert: 'gateway.pem', key: 'gateway.key' } },
      admin: { host: '127.0.0.1', port: 0 },
      regions: { us: { upstreams: [us.url] } },
      workers: 1,
      store: 'sqlite::memory:',
      audit: { file: null },
      reload: { watch: false },
    };
    running = await startCli(['serve', '--config', files.write('g.yaml', JSON.stringify(config))]);
    [, url = '', admin = ''] = await running.line(/"url":"([^"]+)","admin":"([^"]+)"/);
    honest = connect(url, { ca: files.read('authority.pem'), servername: 'localhost' });
  });
  afterAll(async () => {
    honest.destroy();
    await running[Symbol.asyncDispose]();
    await us.close();
    files[Symbol.dispose]();
  });

  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${admin}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  };
  const dial = (): Promise<FrameCaller> => openFrames(url, files.read('authority.pem'));

  /** How long it takes to be answered, on a connection that was there before. */
  async function answered(): Promise<number> {
    const begun = performance.now();
    expect((await callStream(honest, 'GET', NOTHING)).status).toBe(404);
    expect((await fetch(`${admin}/livez`)).status).toBe(200);
    return performance.now() - begun;
  }

  /** Sends it, and is answered meanwhile. */
  async function flood(frames: Buffer[], isEnding: boolean): Promise<void> {
    const caller = await dial();
    caller.send(...frames);
    const tookMs = await answered();
    if (isEnding) await caller.closed;
    caller.socket.destroy();
    expect(tookMs).toBeLessThan(AT_ONCE_MS);
  }

  it.each(FLOODS)('of %s: the connection %s', async (_what, how, frames) => {
    us.clearLedger();
    await flood(frames(), how === 'ends');
    await expect.poll(() => metric('onetime_gateway_in_flight_requests')).toBe(0);
    expect(us.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
    // Before what bounds them knows that they are too many.
    expect(us.requests.length).toBeLessThan(200);
  });

  it('of each kind again and again leaves nothing behind in the process', async () => {
    const rounds = async (count: number): Promise<number> => {
      for (let round = 0; round < count; round++) {
        for (const [, how, frames] of FLOODS) await flood(frames(), how === 'ends');
      }
      return metric('process_resident_memory_bytes');
    };
    const before = await rounds(2);
    const after = await rounds(3);
    expect(after - before).toBeLessThan(MOST_GROWTH_BYTES);
  });
});
