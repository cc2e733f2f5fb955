// The reader of answers: what it does not see, no case would find.
import { expect, it } from 'vitest';
import { readAnswers } from './answers.ts';

const statuses = (received: string, toHead = false): [number, string, boolean][] =>
  readAnswers(received, toHead).map(({ status, body, isWhole }) => [status, body, isWhole]);

const OK = 'HTTP/1.1 200 OK\r\n';

it.each<[string, string, [number, string, boolean][]]>([
  ['nothing', '', []],
  ['a length', `${OK}Content-Length: 2\r\n\r\nab`, [[200, 'ab', true]]],
  ['a body that is short', `${OK}Content-Length: 3\r\n\r\nab`, [[200, 'ab', false]]],
  ['chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\n\r\n`, [[200, 'ab', true]]],
  [
    'chunks with a trailer, and an answer behind it',
    `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-T: 1\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
    [
      [200, 'ab', true],
      [200, '', true],
    ],
  ],
  [
    'a trailer without an end',
    `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-T: 1\r\n`,
    [[200, 'ab', false]],
  ],
  ['chunks without an end', `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n`, [[200, 'ab', false]]],
  ['a body that the connection ends', `${OK}\r\nab`, [[200, 'ab', false]]],
  ['a head that is cut', `${OK}Conte`, [[200, '', false]]],
  ['an answer before 200', `HTTP/1.1 103 Early Hints\r\n\r\n${OK}Content-Length: 0\r\n\r\n`, [[200, '', true]]],
  ['204 with a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n', [[204, '', true]]],
  [
    'two answers',
    `${OK}Content-Length: 1\r\n\r\naHTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nb`,
    [
      [200, 'a', true],
      [404, 'b', true],
    ],
  ],
  [
    'bytes behind an answer',
    `${OK}Content-Length: 1\r\n\r\nab`,
    [
      [200, 'a', true],
      [0, '', false],
    ],
  ],
  ['what is no HTTP', 'SSH-2.0\r\n\r\n', [[0, '', false]]],
  ['a status of four digits', 'HTTP/1.1 1000 OK\r\n\r\n', [[0, '', false]]],
])('reads %s', (_what, received, expected) => {
  expect(statuses(received)).toEqual(expected);
});

it('takes no body from an answer to HEAD', () => {
  expect(statuses(`${OK}Content-Length: 2\r\n\r\n`, true)).toEqual([[200, '', true]]);
});
