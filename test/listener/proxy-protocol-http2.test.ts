// PROXY headers before TLS with HTTP/2 in it: every stream of a connection is the caller's whom its header names.
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CertificateFolder, hasOpenssl, openCertificates } from '../support/certificates.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { headerV2, lineV1 } from '../support/proxy-headers.ts';

let certificates: CertificateFolder;
let lab: Lab | undefined;
const opened: Socket[] = [];
beforeAll(async () => {
  certificates = openCertificates();
  if (!hasOpenssl) return;
  certificates.authority('ca');
  certificates.issue('gateway', 'secrets.example', 'ca');
  const tls = { cert: certificates.at('gateway.pem'), key: certificates.at('gateway.key') };
  const listen = { host: '127.0.0.1', port: 0, trustProxy: ['127.0.0.1'], proxyProtocol: true, tls };
  lab = await openLab({ config: { listen } });
});
afterAll(async () => {
  for (const socket of opened) socket.destroy();
  await lab?.close();
  certificates[Symbol.dispose]();
});

/** @param first what comes before TLS */
function dial(first: Buffer, localAddress = '127.0.0.1'): ClientHttp2Session {
  const port = Number(new URL(lab?.gateway.url ?? '').port);
  const below = connect({ host: '127.0.0.1', port, localAddress });
  opened.push(below);
  below.on('error', () => {});
  below.write(first);
  const ca = certificates.read('ca.pem');
  const socket = connectTls({ socket: below, servername: 'secrets.example', ca, ALPNProtocols: ['h2'] });
  return connectHttp2('https://secrets.example', { createConnection: () => socket }).on('error', () => {});
}

function ask(session: ClientHttp2Session): Promise<number> {
  return new Promise((settle, reject) => {
    const stream = session.request({ ':path': '/us/api/v1/status' });
    stream.once('response', ({ ':status': status }) => settle(status ?? 0));
    stream.once('error', reject).once('close', () => reject(new Error('closed without an answer')));
    stream.resume().end();
  });
}

const forwardedFor = (): (string | undefined)[] =>
  (lab?.us.requests ?? []).map(
    ({ headers }) => headers.find(([name]) => name.toLowerCase() === 'x-forwarded-for')?.[1],
  );

it.runIf(hasOpenssl)('names the caller of each connection on all of its streams', async () => {
  lab?.clearLedgers();
  const sessions = [
    dial(lineV1('TCP4', '203.0.113.9')),
    dial(headerV2({ command: 0x20 })),
    dial(lineV1('TCP4', '203.0.113.10')),
  ];
  for (const session of sessions) expect(await Promise.all([ask(session), ask(session)])).toEqual([200, 200]);
  const callers = ['203.0.113.9', '127.0.0.1', '203.0.113.10'];
  expect(forwardedFor()).toEqual(callers.flatMap((caller) => [caller, caller]));
  for (const session of sessions) session.destroy();
});

it.runIf(hasOpenssl)('is believed of nobody else, who is served as itself', async () => {
  lab?.clearLedgers();
  await expect(ask(dial(lineV1('TCP4', '203.0.113.9'), '127.0.0.2'))).rejects.toThrow();
  expect(lab?.us.requests).toEqual([]);
  const session = dial(Buffer.alloc(0), '127.0.0.2');
  expect(await ask(session)).toBe(200);
  expect(forwardedFor()).toEqual(['127.0.0.2']);
  session.destroy();
});

it.runIf(hasOpenssl)('is missing where a load balancer sends none: no handshake begins', async () => {
  lab?.clearLedgers();
  await expect(ask(dial(Buffer.alloc(0)))).rejects.toThrow();
  expect(lab?.us.requests).toEqual([]);
  expect(await lab?.metric('onetime_gateway_proxy_headers_total{result="missing"}')).toBe(1);
});
