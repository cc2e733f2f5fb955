// A lab whose listener speaks TLS, and a caller that has chosen HTTP/2.
import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from 'node:http2';
import { openCertificates } from './certificates.ts';
import { basic, type Reply } from './http.ts';
import { type Lab, type LabOptions, openLab } from './lab.ts';

export interface Http2Lab extends Lab {
  /** Of who has signed its certificate. */
  readonly ca: Buffer;
  /** The section of its configuration. */
  readonly listen: object;
  /** A connection; the lab's end ends it. */
  connect(): ClientHttp2Session;
}

/** @param options `listen` in its configuration comes beside host, port and certificates */
export async function openHttp2Lab({ config, ...options }: LabOptions = {}): Promise<Http2Lab> {
  const files = openCertificates();
  files.authority('authority');
  files.issue('gateway', 'localhost', 'authority');
  const ca = files.read('authority.pem');
  const listen = {
    host: '127.0.0.1',
    port: 0,
    tls: { cert: files.at('gateway.pem'), key: files.at('gateway.key') },
    ...(config?.listen as object | undefined),
  };
  const lab = await openLab({ ...options, config: { ...config, listen } });
  const sessions = new Set<ClientHttp2Session>();
  return {
    ...lab,
    ca,
    listen,
    connect() {
      const session = connect(lab.gateway.url, { ca, servername: 'localhost' });
      session.on('error', () => {});
      sessions.add(session);
      return session;
    },
    async close() {
      for (const session of sessions) session.destroy();
      await lab.close();
      files[Symbol.dispose]();
    },
  };
}

export interface StreamCall {
  readonly as?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
}

export interface StreamReply extends Reply {
  /** RST_STREAM's, 0 where there was none. */
  readonly code: number;
}

/** One request on a connection; resolves when its stream is closed, however it was. */
export function callStream(
  session: ClientHttp2Session,
  method: string,
  path: string,
  { as, headers, body }: StreamCall = {},
): Promise<StreamReply> {
  const given: Record<string, string | string[]> = { ':method': method, ':path': path, ...headers };
  if (as !== undefined) given.authorization = basic(as);
  if (body !== undefined) given['content-type'] ??= 'application/x-www-form-urlencoded';
  return new Promise((settle) => {
    const stream = session.request(given, { endStream: body === undefined });
    const chunks: Buffer[] = [];
    let received: IncomingHttpHeaders = {};
    stream.on('response', (found) => {
      received = found;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => {});
    stream.on('close', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const flat = Object.entries(received).map(([name, value]) => [name, String(value)]);
      settle({
        status: Number(received[':status'] ?? 0),
        headers: Object.fromEntries(flat),
        body: text,
        code: stream.rstCode ?? constants.NGHTTP2_NO_ERROR,
        json: () => JSON.parse(text) as Record<string, unknown>,
      });
    });
    if (body !== undefined) stream.end(body);
  });
}
