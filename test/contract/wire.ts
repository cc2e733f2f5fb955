// A client without opinions: sends bytes as they were recorded, and reads one answer.
import { connect } from 'node:net';

export interface WireAnswer {
  readonly statusLine: string;
  readonly headers: readonly string[];
  readonly body: string;
  /** What came after the answer on the same connection. */
  readonly rest: string;
}

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly version?: '1.0' | '1.1';
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Sends one request on a connection of its own. With `untilClosed`, waits for the server to end it. */
export function send(port: number, request: WireRequest, untilClosed = false): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const socket = connect(port, '127.0.0.1');
    const finish = (closed: boolean) => {
      const answer = parse(received, request.method, closed);
      if (answer === undefined || (untilClosed && !closed)) return;
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      finish(false);
    });
    socket.on('end', () => finish(true));
    socket.on('close', () => reject(new Error(`connection closed after ${received.length} bytes of an answer`)));
    socket.on('error', reject);
    const head = [`${request.method} ${request.path} HTTP/${request.version ?? '1.1'}`, ...request.headers];
    socket.write(`${head.join('\r\n')}\r\n\r\n`, 'latin1');
    if (request.body.length > 0) socket.write(request.body);
  });
}

function parse(received: Buffer, method: string, closed: boolean): WireAnswer | undefined {
  const blank = received.indexOf('\r\n\r\n');
  if (blank < 0) return undefined;
  const [statusLine = '', ...headers] = received.toString('latin1', 0, blank).split('\r\n');
  const length = headers.find((header) => /^content-length:/i.test(header))?.slice(15);
  const start = blank + 4;
  const end = method === 'HEAD' ? start : length === undefined ? received.length : start + Number(length);
  if (length === undefined && method !== 'HEAD' && !closed) return undefined;
  if (received.length < end) return undefined;
  return { statusLine, headers, body: received.toString('utf8', start, end), rest: received.toString('utf8', end) };
}
