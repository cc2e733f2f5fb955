// What costs a caller over HTTP/2 less than its reader.
import {
  CANCEL,
  CONTINUATION,
  END_HEADERS,
  END_STREAM,
  frame,
  HEADERS,
  head,
  headers,
  hpack,
  PING,
  RST_STREAM,
  SETTINGS,
  setting,
  uint32,
} from '../support/http2-frames.ts';
import { LOOK, SECRET } from './caller-acts.ts';
import type { Case } from './case.ts';
import { over2 } from './http2-acts.ts';
import type { Framed } from './http2-exchange.ts';
import { isNotHeld, isSpared } from './judge.ts';
import { ok, writes } from './region-acts.ts';

const SILENT = { status: 0, requests: 0 } as const;
/** Of many: each costs its sender some bytes. */
const FLOOD = 10_000;
const REVEAL = head('POST', SECRET, 'content-length', '0');
const rapid: Framed = {
  frames: Array.from({ length: FLOOD }, (_, at) => 2 * at + 1).flatMap((stream) => [
    headers(stream, REVEAL),
    frame(RST_STREAM, 0, stream, uint32(CANCEL)),
  ]),
};
const continued: Framed = {
  frames: [
    frame(HEADERS, END_STREAM, 1, hpack(head('GET', LOOK))),
    ...Array.from({ length: FLOOD }, (_, at) => frame(CONTINUATION, 0, 1, hpack([`x-${at}`, 'y']))),
  ],
};
/** A field of 3,900 bytes that is remembered, and named again by one byte each. */
function bomb(): Framed {
  const field = hpack(['x-a', 'a'.repeat(3900)]);
  field[0] = 0x40;
  const block = Buffer.concat([hpack(head('GET', LOOK)), field, Buffer.alloc(8000, 0xbe)]);
  return { frames: [frame(HEADERS, END_HEADERS | END_STREAM, 1, block)] };
}
const LARGE = ok(`"${'x'.repeat(500_000)}"`);

export const FLOODS: readonly Case[] = [
  over2('h2: rapid reset', '10,000 calls that destroy a secret, each reset at once', rapid, SILENT, {
    judge: isSpared,
    isFlood: true,
  }),
  over2('h2: CONTINUATION without an end', '10,000 CONTINUATION frames of one head', continued, SILENT, {
    isFlood: true,
  }),
  over2('h2: header bomb', 'a head of 12 kB that stands for 31 MB', bomb(), {
    ...SILENT,
    error: 'reset ENHANCE_YOUR_CALM',
  }),
  over2(
    'h2: a window that stays shut',
    'a window of 0, and a request whose answer has 500 kB',
    { settings: setting(4, 0), frames: [headers(1, head('GET', LOOK))] },
    { status: 200, requests: 1, error: 'reset INTERNAL_ERROR' },
    { region: writes(LARGE), judge: isNotHeld },
  ),
  over2(
    'h2: PING without an end',
    '40,000 PING frames',
    { frames: Array.from({ length: 40_000 }, () => frame(PING, 0, 0, '12345678')) },
    SILENT,
    { isFlood: true },
  ),
  over2(
    'h2: SETTINGS without an end',
    '40,000 SETTINGS frames',
    { frames: Array.from({ length: 40_000 }, () => frame(SETTINGS, 0, 0, setting(4, 65_535))) },
    SILENT,
    { isFlood: true },
  ),
];
