// Where one request ends and the next begins: Node's advisories about its HTTP parser, through the API and a prefix.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { shows } from './advisories.ts';
import { API, expectRefused, expectServing, openWorld, PASSED, type World } from './world.ts';

vi.setConfig({ testTimeout: 10_000 });

let world: World;
beforeAll(async () => {
  world = await openWorld({ config: { request: { timeout: '3s' } } });
});
afterAll(() => world.close());

const CREATE = '/us/api/v1/share';
const TARGETS = [CREATE, PASSED] as const;
const SMUGGLED = `GET ${API}?smuggled HTTP/1.1\r\nHost: g\r\n\r\n`;
const CHUNKED = `0\r\n\r\n${SMUGGLED}`;

/** A POST with these header lines, each with its own end, and a body. */
const post = (target: string, lines: string, body = SMUGGLED): string =>
  `POST ${target} HTTP/1.1\r\nHost: g\r\nContent-Type: text/plain\r\n${lines}\r\n${body}`;

const LENGTH = `Content-Length: ${SMUGGLED.length}\r\n`;

type Case = readonly [id: string, what: string, bytes: string];
const malformed = (target: string): readonly Case[] => [
  ['CVE-2018-7159', 'a space within Content-Length', post(target, 'Content-Length: 4 5\r\n')],
  ['CVE-2020-8201', 'a CR within a name', post(target, `Content\rLength: ${SMUGGLED.length}\r\n`)],
  [
    'CVE-2020-8287',
    'a second coding that is none',
    post(target, 'Transfer-Encoding: chunked\r\nTransfer-Encoding: eee\r\n', CHUNKED),
  ],
  [
    'CVE-2020-8287',
    'a length beside a second coding',
    post(target, `Transfer-Encoding: eee\r\n${LENGTH}Transfer-Encoding: chunked\r\n`, CHUNKED),
  ],
  ['CVE-2021-22959', 'a space before the colon', post(target, `Content-Length : ${SMUGGLED.length}\r\n`)],
  ['CVE-2021-22959', 'of the coding', post(target, 'Transfer-Encoding : chunked\r\n', CHUNKED)],
  [
    'CVE-2021-22960',
    'a line break within a chunk extension',
    post(target, 'Transfer-Encoding: chunked\r\n', `2;a\nxx\r\nok\r\n${CHUNKED}`),
  ],
  [
    'CVE-2021-22960',
    'a CR within a chunk extension',
    post(target, 'Transfer-Encoding: chunked\r\n', `2;a\rb\r\nok\r\n${CHUNKED}`),
  ],
  ['CVE-2022-32213', 'a coding that begins like one', post(target, 'Transfer-Encoding: chunkedchunked\r\n', CHUNKED)],
  ['CVE-2022-32213', 'chunked that is not last', post(target, 'Transfer-Encoding: chunked, identity\r\n', CHUNKED)],
  ['CVE-2022-32213', 'a coding and a length', post(target, `Transfer-Encoding: chunked\r\n${LENGTH}`, CHUNKED)],
  ['CVE-2022-32215', 'a coding over two lines', post(target, 'Transfer-Encoding: chunked\r\n , identity\r\n', CHUNKED)],
  ['CVE-2022-32215', 'a coding on the next line', post(target, 'Transfer-Encoding:\r\n chunked\r\n', CHUNKED)],
  ['CVE-2022-32214', 'an LF alone', post(target, `X: a\n${LENGTH}`)],
  ['CVE-2022-32214', 'an LF alone behind the last', post(target, `${LENGTH.trimEnd()}\n`)],
  ['CVE-2022-35256', 'CR twice', post(target, `X: a\r\r${LENGTH}`)],
  ['CVE-2022-35256', 'LF before CR', post(target, `X: a\n\r${LENGTH}`)],
  ['CVE-2023-30589', 'a CR alone', post(target, `X: a\rTransfer-Encoding: chunked\r\n`, CHUNKED)],
  ['CVE-2023-30589', 'a CR alone after nothing', post(target, `X:\r${LENGTH}`)],
  ['CVE-2024-27982', 'a space before Content-Length', post(target, ` ${LENGTH}`)],
  ['CVE-2024-27982', 'and it is the first header', `POST ${target} HTTP/1.1\r\n ${LENGTH}Host: g\r\n\r\n${SMUGGLED}`],
  ['CVE-2025-23167', 'CR LF CR and a letter', `GET ${target} HTTP/1.1\r\nHost: g\r\nX: a\r\n\rX${SMUGGLED}`],
];

describe.each(TARGETS)('%s', (target) => {
  it.each(malformed(target).map(([id, what, bytes]) => [shows(id), what, bytes] as const))(
    '%s: %s',
    async (_shown, _what, bytes) => {
      expect(await expectRefused(world, bytes)).toBe(400);
      await expectServing(world);
    },
  );
});
