// The judge of fuzzing can find what it looks for, and its reader reads what is written.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TwinRequest } from '../../src/twin/ledger.ts';
import { basic } from '../support/http.ts';
import { ALICE, BRUNO } from '../support/lab.ts';
import { judge, type Sent } from './judge.ts';
import { mutated } from './mutate.ts';
import { createRandom } from './random.ts';
import { seedsOf } from './run.ts';
import { readAnswer, readRequests } from './strict.ts';

const ADDRESS = '127.1.2.3';
const PATH = '/api/v1/share';
const request = (as: string): string =>
  `POST ${PATH} HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(as)}\r\nContent-Length: 8\r\n\r\nsecret=x`;
const answer = (region: string): string =>
  `HTTP/1.1 200 OK\r\nX-Request-Id: r\r\nOnetime-Gateway-Outcome: delivered\r\nOnetime-Gateway-Region: ${region}\r\nContent-Length: 2\r\n\r\n{}`;

function sentTo(region: string, as: string, change: Partial<TwinRequest> = {}): Sent {
  const headers = [
    ['authorization', basic(as)],
    ['x-forwarded-for', ADDRESS],
    ['content-length', '8'],
  ] as const;
  return { region, row: { method: 'POST', path: PATH, headers, body: 'secret=x', atMs: 0, status: 200, ...change } };
}

it('takes one call that is sent as it was read', () => {
  const expected = judge(request(ALICE), answer('us'), [sentTo('us', ALICE)], ADDRESS);
  expect(expected).toMatchObject([{ requestId: 'r', region: 'us', bytes: 8 }]);
});

it.each<[string, string, string, Sent[]]>([
  ['a call that is sent twice', request(ALICE), answer('us'), [sentTo('us', ALICE), sentTo('us', ALICE)]],
  ['a call that is sent and not answered', request(ALICE), '', [sentTo('us', ALICE)]],
  ['a call that is delivered and was not sent', request(ALICE), answer('us'), []],
  ['a pinned account elsewhere', request(BRUNO), answer('us'), [sentTo('us', BRUNO)]],
  ['a path outside of the table', request(ALICE), answer('us'), [sentTo('us', ALICE, { path: '/api/v2/account' })]],
  ['another path of the table', request(ALICE), answer('us'), [sentTo('us', ALICE, { path: '/api/v1/create' })]],
  ['another body', request(ALICE), answer('us'), [sentTo('us', ALICE, { body: 'secret=y' })]],
  [
    'a header that may not cross',
    request(ALICE),
    answer('us'),
    [sentTo('us', ALICE, { headers: [['cookie', 'a'], ...sentTo('us', ALICE).row.headers] })],
  ],
  [
    'another’s address',
    request(ALICE),
    answer('us'),
    [sentTo('us', ALICE, { headers: [['x-forwarded-for', '192.0.2.1']] })],
  ],
  ['a request in a body', request(ALICE).replace('8\r\n', '9\r\n'), answer('us'), [sentTo('us', ALICE)]],
  ['bytes behind an answer', request(ALICE), `${answer('us')}x`, [sentTo('us', ALICE)]],
  ['half an answer', request(ALICE), answer('us').slice(0, -1), [sentTo('us', ALICE)]],
])('finds %s', (_what, sent, received, rows) => {
  expect(() => judge(sent, received, rows, ADDRESS)).toThrow();
});

const token = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/)
  .filter((name) => !/^(content-length|transfer-encoding)$/i.test(name));
const value = fc.stringMatching(/^([!-~]([ -~]{0,20}[!-~])?)?$/);
const bytes = fc.uint8Array({ maxLength: 40 }).map((body) => Buffer.from(body).toString('latin1'));

it('reads messages as they are written, with a length and in chunks, one behind the other', () => {
  const message = fc.record({
    headers: fc.array(fc.tuple(token, value), { maxLength: 5 }),
    pieces: fc.array(bytes, { maxLength: 3 }),
    chunked: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), (messages) => {
      const written = messages.map(({ headers, pieces, chunked }) => {
        const parts = pieces.filter((piece) => piece !== '');
        const body = chunked
          ? `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`
          : parts.join('');
        const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
        const lines = [...headers.map(([name, given]) => `${name}: ${given}`), framing];
        return { body: parts.join(''), head: `${lines.join('\r\n')}\r\n\r\n`, whole: body };
      });
      const asked = written.map(({ head, whole }) => `POST /x HTTP/1.1\r\n${head}${whole}`).join('');
      const { requests, rest } = readRequests(asked);
      expect([requests.map(({ body }) => body), rest]).toEqual([written.map(({ body }) => body), '']);
      const [first] = written;
      expect(readAnswer(`HTTP/1.1 200 OK\r\n${first?.head}${first?.whole}`, 0, false)).toMatchObject({
        status: 200,
        body: first?.body,
      });
    }),
  );
});

it('makes the same of the same seed, and other things of another', () => {
  const seeds = seedsOf('requests');
  const made = (seed: number): string[] =>
    Array.from({ length: 50 }, (_, turn) => mutated(seeds, createRandom(seed, turn)));
  expect(made(7)).toEqual(made(7));
  expect(new Set([...made(7), ...made(8)]).size).toBeGreaterThan(60);
});
