// Regions whose answers a strict reader does not take, or that say more than was asked: on the API and on a passed-through path.
// What is not taken is 502 unknown, and sent once; what can be read is delivered, and whoever comes next notices nothing.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { readAnswer } from '../fuzz/strict.ts';
import { type BrokenRegion, openBrokenRegion } from '../support/broken-region.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';

const OFF = { mode: 'off' };
const CONFIG = {
  limits: { anonymousRetrieval: OFF, perKey: OFF, account: OFF, failedAuth: OFF },
  passthrough: [{ prefix: '/help', region: 'us' }],
  upstream: { connectTimeout: '1s', headersTimeout: '2s', bodyTimeout: '5s' },
};
const WAYS = [
  ['the API', 'POST', '/us/api/v1/secret/abcdefghij0123456789abcdefghij0'],
  ['a passed-through path', 'GET', '/help/page'],
] as const;
const LINE = 'HTTP/1.1 200 OK\r\n';
const ok = (body: string, fields = ''): string => `${LINE}${fields}Content-Length: ${body.length}\r\n\r\n${body}`;

/** More than all in between take without a reader; no two lines of it are the same. */
const LONG = Array.from({ length: 1_200_000 }, (_, i) => `line ${i} of an answer\n`).join('');
const CHUNKS = (LONG.match(/[\s\S]{1,100007}/g) ?? [])
  .map((piece) => `${piece.length.toString(16)};e=1\r\n${piece}\r\n`)
  .join('');

let lab: Lab;
let region: BrokenRegion;
afterEach(async () => {
  await lab.close();
  await region.close();
});

/** @param behave asked with the number of the request, from 1 @param upstream beside what CONFIG says of it */
async function open(behave: (socket: Socket, turn: number) => void, upstream = {}): Promise<void> {
  let turn = 0;
  region = await openBrokenRegion((socket) => behave(socket, ++turn));
  lab = await openLab({
    upstreams: { us: [region.url] },
    config: { ...CONFIG, upstream: { ...CONFIG.upstream, ...upstream } },
  });
}

/** Writes one byte at a time, each as its own packet as far as the system lets it. */
async function writeSlowly(socket: Socket, text: string): Promise<void> {
  socket.setNoDelay(true);
  for (const byte of Buffer.from(text, 'latin1')) {
    await new Promise((done) => socket.write(Buffer.of(byte), done));
    await new Promise((done) => setImmediate(done));
  }
}

const causes = (): (string | undefined)[] =>
  lab.log.flatMap((line) => {
    const { cause } = JSON.parse(line) as { cause?: { code?: string } };
    return cause === undefined ? [] : [cause.code];
  });

describe.each(WAYS)('%s', (_way, method, path) => {
  it.each([
    ['a coding before chunked', 'FRAMING', `${LINE}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`],
    [
      'chunked twice',
      'FRAMING',
      `${LINE}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    ],
    ['a bare CR in the status line', 'STATUS_LINE', ok('{}').replace('OK', 'O\rK')],
    ['HTTP/2.0', 'STATUS_LINE', ok('{}').replace('1.1', '2.0')],
    ['a folded field', 'FIELD', ok('{}', 'X-A: 1\r\n 2\r\n')],
    ['101', 'SWITCHING', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
    ['no word of its length', 'UNDELIMITED', `${LINE}\r\n{}`],
    [
      'a chunk’s size with a space behind it',
      'CHUNK',
      `${LINE}Transfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\n0\r\n\r\n`,
    ],
  ])(
    '502, outcome unknown, to %s; the log says why, and the next caller has its own answer',
    async (_what, code, text) => {
      await open((socket, turn) => socket.write(turn === 1 ? text : ok('next'), 'latin1'));
      const reply = await lab.call(method, path);
      expect([reply.status, reply.json().error]).toEqual([502, 'region_failed']);
      expect(reply.headers['onetime-gateway-outcome']).toBe('unknown');
      expect(causes()).toEqual([`ERR_ANSWER_${code}`]);
      const next = await lab.call(method, path);
      expect([next.status, next.body]).toEqual([200, 'next']);
      // The gateway itself may have asked how the region is.
      expect(region.received.filter((request) => !request.includes('/api/v1/status'))).toHaveLength(2);
    },
  );

  it.each([100, 102, 103])(
    'delivers the answer behind %i, which nobody asked for, and keeps the connection',
    async (status) => {
      const early = `HTTP/1.1 ${status} Early\r\nX-Early: 1\r\n\r\n`;
      await open((socket) => socket.write(early + early + ok('{"value":"x"}')));
      for (let turn = 0; turn < 2; turn++) {
        const reply = await lab.call(method, path);
        expect([reply.status, reply.body]).toEqual([200, '{"value":"x"}']);
        expect(reply.headers['onetime-gateway-outcome']).toBe('delivered');
        expect(reply.headers).not.toHaveProperty('x-early');
      }
      expect(region.connections()).toBe(1);
    },
  );

  it('delivers an answer that comes byte by byte', async () => {
    const early = 'HTTP/1.1 100 Continue\r\n\r\n';
    const chunks = 'Transfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n';
    await open((socket) => void writeSlowly(socket, `${early}${LINE}${chunks}`));
    const reply = await lab.call(method, path);
    expect([reply.status, reply.body]).toEqual([200, 'abc0123456789']);
  });

  it.each(['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n', '\r\n', ok('not asked for')])(
    'ends a connection on which %j comes while nobody waits for it',
    async (unasked) => {
      const ended: Promise<unknown>[] = [];
      let first: Socket | undefined;
      await open((socket) => {
        first ??= socket;
        ended.push(new Promise((done) => socket.once('close', done)));
        socket.write(ok('asked for'));
      });
      expect((await lab.call(method, path)).body).toBe('asked for');
      first?.write(unasked);
      await ended[0];
      expect((await lab.call(method, path)).body).toBe('asked for');
      expect([region.received.length, region.connections()]).toEqual([2, 2]);
    },
  );

  it('never says not_sent for a kept connection that is reset before a byte is sent: another one serves', async () => {
    let kept: Socket | undefined;
    await open((socket) => {
      kept = socket;
      socket.write(ok('{}'));
    });
    for (let turn = 0; turn < 20; turn++) {
      const caller = rawCaller(lab.gateway.url);
      // Answered by the gateway itself: from now on it reads this connection.
      caller.send('GET /nowhere HTTP/1.1\r\nHost: g\r\n\r\n');
      await caller.sees(/^HTTP\/1\.1 404 /);
      // In this order both arrive at once: the gateway reads the request, and then of the reset.
      caller.send(`${method} ${path} HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      kept?.resetAndDestroy();
      const received = await caller.closed;
      // A byte may have been sent just before the reset.
      expect(received.slice(received.lastIndexOf('HTTP/1.1 '))).toMatch(
        /onetime-gateway-outcome: (delivered|unknown)\r/i,
      );
    }
  });

  it.each([
    ['ends', (socket: Socket) => void socket.end(ok('{}'))],
    ['resets', (socket: Socket) => void socket.write(ok('{}'), () => socket.resetAndDestroy())],
  ])(
    'serves all who wait for the one connection that a region %s behind each answer, without a word',
    async (_how, answer) => {
      await open(answer, { connections: 1 });
      const replies = await Promise.all(Array.from({ length: 12 }, () => lab.call(method, path)));
      const outcomes = replies.map(({ status, headers }) => `${status} ${headers['onetime-gateway-outcome']}`);
      expect(outcomes).toEqual(replies.map(() => '200 delivered'));
      expect([region.received.length, region.connections()]).toEqual([12, 12]);
    },
  );

  it('504 to a head that never ends, also where 102 comes again and again', async () => {
    await open((socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 100);
      socket.on('close', () => clearInterval(timer));
    });
    const reply = await lab.call(method, path);
    expect([reply.status, reply.headers['onetime-gateway-outcome']]).toEqual([504, 'unknown']);
  });

  it('is whole for a reader that makes it wait, whatever stands behind it', async () => {
    const answers = [ok(LONG), `${LINE}Transfer-Encoding: chunked\r\n\r\n${CHUNKS}0\r\n\r\n`];
    const writing: Socket[] = [];
    await open((socket, turn) => {
      writing.push(socket);
      socket.write(`${answers[turn - 1]}and more`, 'latin1');
    });
    for (let turn = 0; turn < answers.length; turn++) {
      const caller = rawCaller(lab.gateway.url);
      caller.socket.pause();
      caller.send(`${method} ${path} HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      // Nobody in between takes any more.
      let [before, left] = [-1, -2];
      await expect
        .poll(
          () => {
            [before, left] = [left, writing[turn]?.writableLength ?? -3];
            return left > 0 && left === before;
          },
          { interval: 100, timeout: 10_000 },
        )
        .toBe(true);
      caller.socket.resume();
      const said = readAnswer(await caller.closed, 0, false);
      if (typeof said === 'string') throw new Error(`the answer is ${said}`);
      expect(said.status).toBe(200);
      expect(said.body === LONG).toBe(true);
    }
  });
});

it('takes an answer to HEAD without the body that it announces, and one that has it, too', async () => {
  await open((socket, turn) => socket.write(turn === 1 ? `${LINE}Content-Length: 900\r\n\r\n` : ok('a body')));
  for (let turn = 0; turn < 2; turn++) {
    const reply = await lab.call('HEAD', '/help/page');
    expect([reply.status, reply.body]).toEqual([200, '']);
    expect(reply.headers['onetime-gateway-outcome']).toBe('delivered');
  }
  expect(region.received).toHaveLength(2);
});
