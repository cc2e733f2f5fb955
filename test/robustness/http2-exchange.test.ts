// The reader of heads of HTTP/2: what it takes for another status would be judged as another answer.
import { expect, it } from 'vitest';
import { statusOf } from './http2-exchange.ts';

it.each([
  ['88', 200],
  ['8c', 400],
  ['8e', 500],
  // RFC 7541, C.6.1 and C.6.2.
  ['48826402', 302],
  ['4883640eff', 307],
  // Without Huffman, and neither indexed nor to be: 6.2.2 and 6.2.3.
  ['0803343331', 431],
  ['1803353032', 502],
  // Behind a new size of the table, and another one.
  ['2088', 200],
  ['3fe11f4803343039', 409],
  // No status, or nothing.
  ['82', 0],
  ['0003616263', 0],
  ['', 0],
])('%s is %i', (bytes, status) => {
  expect(statusOf(Buffer.from(bytes, 'hex'))).toBe(status);
});
