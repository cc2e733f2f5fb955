// The gate before a server, with TLS behind it and without: a header is taken off whatever the pieces in which it comes, nothing
// behind it is lost, and no connection gets another one's name.
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createPlainServer,
  type NetConnectOpts,
  type Socket,
} from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { guardConnections } from '../../src/listener/accept.ts';
import { createProxyProtocol, type ProxyProtocol, type ProxyResult } from '../../src/listener/proxy-protocol.ts';
import { type CertificateFolder, hasOpenssl, openCertificates } from '../support/certificates.ts';
import { takePort } from '../support/ports.ts';
import { headerV2, lineV1, summedV2, TCP6_ADDRESSES } from '../support/proxy-headers.ts';

interface Guarded {
  readonly proxies: ProxyProtocol;
  readonly results: ProxyResult[];
  readonly server: Server;
  /** Of connections as they came, in order. */
  readonly accepted: Socket[];
}

const answer =
  (addressOf: (socket: Socket) => string): RequestListener =>
  (req: IncomingMessage, res) => {
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
    });
    req.on('end', () => res.end(`${addressOf(req.socket)} ${req.url} ${size};`));
  };

let folder: CertificateFolder;
beforeAll(() => {
  folder = openCertificates();
  if (!hasOpenssl) return;
  folder.authority('ca');
  folder.issue('gateway', 'secrets.example', 'ca');
});
afterAll(() => folder[Symbol.dispose]());

let guarded: Guarded;
let opened: Socket[] = [];
afterEach(async () => {
  for (const socket of opened) socket.destroy();
  opened = [];
  guarded.server.closeAllConnections();
  guarded.proxies.cut();
  await new Promise((settle) => guarded.server.close(settle));
});

async function guard(isSecure: boolean, patienceMs?: number, host = '127.0.0.1'): Promise<void> {
  const results: ProxyResult[] = [];
  const accepted: Socket[] = [];
  const proxies = createProxyProtocol({
    senders: () => (peer) => peer === '127.0.0.1',
    onHeader: (result) => results.push(result),
    ...(patienceMs !== undefined && { patienceMs }),
  });
  const serve = answer(proxies.addressOf);
  const pair = () => ({ cert: folder.read('gateway.pem'), key: folder.read('gateway.key') });
  const server: Server = isSecure ? createTlsServer(pair(), serve) : createServer(serve);
  guardConnections(server, [proxies.gate]);
  server.on('connection', (socket: Socket) => accepted.push(socket));
  await new Promise<void>((settle) => server.listen(0, host, settle));
  guarded = { proxies, results, server, accepted };
}

/** A load balancer's connection, on which nothing has been sent. */
async function dial(more: Partial<NetConnectOpts> = {}): Promise<Socket> {
  const { port } = guarded.server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, ...more });
  opened.push(socket);
  await new Promise<void>((settle, reject) => socket.once('connect', settle).once('error', reject));
  socket.on('error', () => {});
  return socket;
}

/** Resolves when the server has read so much of its newest connection. */
async function hasRead(bytes: number): Promise<void> {
  for (;;) {
    if (guarded.accepted.at(-1)?.bytesRead === bytes) return;
    await new Promise((settle) => setImmediate(settle));
  }
}

/** What arrives, up to the semicolons that end answers. */
function answers(stream: Socket, count: number): Promise<string[]> {
  let text = '';
  return new Promise((settle, reject) => {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const found = [...text.matchAll(/^(\S* \S+ \d+);/gm)].map(([, body]) => body ?? '');
      if (found.length === count) settle(found);
    });
    stream.once('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)));
  });
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((settle) => {
    if (socket.closed) settle();
    socket.resume().once('close', () => settle());
  });

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

/** What a caller says in plain text, or in TLS through the socket of a load balancer. */
async function through(isSecure: boolean, socket: Socket): Promise<Socket> {
  if (!isSecure) return socket;
  const tls = connectTls({ socket, servername: 'secrets.example', ca: folder.read('ca.pem') });
  opened.push(tls);
  tls.on('error', () => {});
  await new Promise((settle, reject) => tls.once('secureConnect', settle).once('error', reject));
  return tls;
}

/** The bytes of a TLS handshake's first flight. */
async function clientHello(): Promise<Buffer> {
  const first = Promise.withResolvers<Buffer>();
  const listener = createPlainServer((socket) => socket.once('data', first.resolve));
  await new Promise<void>((settle) => listener.listen(0, '127.0.0.1', settle));
  const { port } = listener.address() as AddressInfo;
  const caller = connectTls({ host: '127.0.0.1', port, servername: 'secrets.example' }).on('error', () => {});
  const bytes = await first.promise;
  caller.destroy();
  listener.close();
  return bytes;
}

const HEADERS = [
  ['version 1', lineV1('TCP4', '203.0.113.9'), '203.0.113.9'],
  ['version 2', summedV2({ family: 0x21, addresses: TCP6_ADDRESSES }), '2001:db8::7'],
] as const;

describe.each([
  ['HTTP', false],
  ['TLS', true],
])('before %s', (_name, isSecure) => {
  const test = it.skipIf(isSecure && !hasOpenssl);

  test.each(HEADERS)('a header of %s is taken whole wherever it is cut', async (_version, header, address) => {
    await guard(isSecure);
    for (let cut = 1; cut < header.length; cut++) {
      const socket = await dial();
      socket.write(header.subarray(0, cut));
      await hasRead(cut);
      socket.write(header.subarray(cut));
      const caller = await through(isSecure, socket);
      const [found] = await Promise.all([answers(caller, 1), caller.write(get(`/${cut}`))]);
      expect(found).toEqual([`${address} /${cut} 0`]);
      socket.destroy();
    }
    expect(new Set(guarded.results)).toEqual(new Set(['named']));
  });

  test('a header that comes byte by byte is taken', async () => {
    await guard(isSecure);
    const socket = await dial();
    const header = headerV2();
    for (const [at, byte] of header.entries()) {
      socket.write(Buffer.from([byte]));
      await hasRead(at + 1);
    }
    const caller = await through(isSecure, socket);
    const [found] = await Promise.all([answers(caller, 1), caller.write(get('/'))]);
    expect(found).toEqual(['203.0.113.9 / 0']);
  });

  test('connections that are open at once have each their own name, also when their headers come in another order', async () => {
    await guard(isSecure);
    const addresses = Array.from({ length: 20 }, (_, at) => `203.0.113.${at}`);
    const sockets = await Promise.all(addresses.map(() => dial()));
    const asked = addresses.map(async (address, at) => {
      const socket = sockets[sockets.length - 1 - at];
      if (socket === undefined) throw new Error('too few sockets');
      socket.write(lineV1('TCP4', address));
      const caller = await through(isSecure, socket);
      const [found] = await Promise.all([answers(caller, 2), caller.write(get('/a') + get('/b'))]);
      expect(found).toEqual([`${address} /a 0`, `${address} /b 0`]);
    });
    await Promise.all(asked);
  });

  test('a port that is used again has the name of its new connection, or none', async () => {
    await guard(isSecure);
    // One that can be bound, as it stays when its connections are reset.
    const taken = await takePort();
    await taken[Symbol.asyncDispose]();
    const ask = async (header: Buffer): Promise<string | undefined> => {
      const socket = await dial({ localAddress: '127.0.0.1', localPort: taken.port });
      socket.write(header);
      const caller = await through(isSecure, socket);
      const [found] = await Promise.all([answers(caller, 1), caller.write(get('/'))]);
      const gone = closed(socket);
      socket.resetAndDestroy();
      await gone;
      return found[0];
    };
    const first = await ask(lineV1('TCP4', '203.0.113.9'));
    const second = await ask(headerV2({ command: 0x20 }));
    const third = await ask(lineV1('TCP4', '203.0.113.10'));
    expect([first, second, third]).toEqual(['203.0.113.9 / 0', '127.0.0.1 / 0', '203.0.113.10 / 0']);
    expect(guarded.results).toEqual(['named', 'own', 'named']);
  });

  test('one port that leads to two addresses of the gateway has a name on each', async () => {
    await guard(isSecure, undefined, '0.0.0.0');
    const taken = await takePort();
    await taken[Symbol.asyncDispose]();
    const callers: Socket[] = [];
    for (const [host, address] of [
      ['127.0.0.1', '203.0.113.9'],
      ['127.0.0.7', '203.0.113.10'],
    ] as const) {
      const socket = await dial({ host, localAddress: '127.0.0.1', localPort: taken.port });
      socket.write(lineV1('TCP4', address));
      callers.push(await through(isSecure, socket));
    }
    const found = callers.map((caller) => answers(caller, 1));
    for (const caller of callers) caller.write(get('/'));
    expect(await Promise.all(found)).toEqual([['203.0.113.9 / 0'], ['203.0.113.10 / 0']]);
  });

  test('one that comes too late is closed', async () => {
    await guard(isSecure, 50);
    const silent = await dial();
    await closed(silent);
    const slow = await dial();
    slow.write(headerV2().subarray(0, 20));
    await closed(slow);
    expect(guarded.results).toEqual(['timeout', 'timeout']);
  });

  test('who leaves before it is whole is let go', async () => {
    await guard(isSecure);
    const checks = await dial();
    checks.end();
    await closed(checks);
    const half = await dial();
    half.end('PROXY TCP4 203.');
    await closed(half);
    const reset = await dial();
    reset.write('PROXY TCP4 203.');
    await hasRead(15);
    const gone = closed(guarded.accepted.at(-1) ?? reset);
    reset.resetAndDestroy();
    await gone;
    expect(guarded.results).toEqual(['unfinished', 'unfinished', 'unfinished']);
  });

  test('a close cuts connections whose header has not come, and no others', async () => {
    await guard(isSecure, 600_000);
    const served = await dial();
    served.write(lineV1('TCP4', '203.0.113.9'));
    const caller = await through(isSecure, served);
    const waiting = await Promise.all([dial(), dial()]);
    waiting[1]?.write('PROXY ');
    await hasRead(6);
    const gone = Promise.all(waiting.map(closed));
    guarded.proxies.cut();
    await gone;
    const [found] = await Promise.all([answers(caller, 1), caller.write(get('/'))]);
    expect(found).toEqual(['203.0.113.9 / 0']);
  });

  test('a peer that sends none is served as itself at once, and its header is nothing but bytes', async () => {
    await guard(isSecure);
    const socket = await dial({ localAddress: '127.0.0.2' });
    const caller = await through(isSecure, socket);
    const [found] = await Promise.all([answers(caller, 1), caller.write(get('/'))]);
    expect(found).toEqual(['127.0.0.2 / 0']);
    const liar = await dial({ localAddress: '127.0.0.2' });
    const received: Buffer[] = [];
    liar.on('data', (chunk: Buffer) => received.push(chunk));
    liar.write(Buffer.concat([lineV1('TCP4', '203.0.113.9'), Buffer.from(get('/'))]));
    await closed(liar);
    expect(Buffer.concat(received).toString('latin1')).not.toContain('203.0.113.9');
    expect(guarded.results).toEqual([]);
  });
});

describe('what comes in one packet with the header', () => {
  it.each(HEADERS)('%s: requests one behind the other are all served', async (_version, header, address) => {
    await guard(false);
    const socket = await dial();
    socket.write(Buffer.concat([header, Buffer.from(get('/1') + get('/2') + get('/3'))]));
    expect(await answers(socket, 3)).toEqual([1, 2, 3].map((at) => `${address} /${at} 0`));
  });

  it('half a request waits for its other half', async () => {
    await guard(false);
    const socket = await dial();
    const first = Buffer.concat([
      headerV2(),
      Buffer.from('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234'),
    ]);
    socket.write(first);
    await hasRead(first.length);
    socket.write('56789');
    expect(await answers(socket, 1)).toEqual(['203.0.113.9 / 10']);
  });

  it('a body that is larger than what a socket reads at once arrives whole', async () => {
    await guard(false);
    const socket = await dial();
    const size = 3_000_000;
    const head = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`;
    socket.write(Buffer.concat([headerV2(), Buffer.from(head), Buffer.alloc(size, 'x')]));
    expect(await answers(socket, 1)).toEqual([`203.0.113.9 / ${size}`]);
  });

  it('the end of the caller’s side does not keep its request from being answered', async () => {
    await guard(false);
    const socket = await dial({ allowHalfOpen: true });
    socket.end(Buffer.concat([headerV2(), Buffer.from(get('/'))]));
    expect(await answers(socket, 1)).toEqual(['203.0.113.9 / 0']);
  });

  it.skipIf(!hasOpenssl)('a TLS handshake begins, however much of it is there', async () => {
    await guard(true);
    const hello = await clientHello();
    expect(hello.length).toBeGreaterThan(100);
    for (const part of [hello.length, 1, 5, 50, hello.length - 1]) {
      const socket = await dial();
      const first = Buffer.concat([headerV2(), hello.subarray(0, part)]);
      socket.write(first);
      await hasRead(first.length);
      if (part < hello.length) socket.write(hello.subarray(part));
      const flight = await new Promise<Buffer>((settle) => socket.once('data', settle));
      // A handshake record with the server's greeting.
      expect([flight[0], flight[5]]).toEqual([0x16, 0x02]);
      socket.destroy();
    }
  });
});
