// The sockets: receives whole requests, keeps the ledger, writes answers as 0.20's HTTP server does.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Answer, BAD_REQUEST } from './answer.ts';
import type { Application } from './application.ts';
import type { TwinRequest } from './ledger.ts';
import type { Received } from './service.ts';

/** A canned answer for fault tests: what is left out is what the service would send with that body. */
export interface NextAnswer {
  readonly status: number;
  readonly body?: string;
  readonly contentType?: string;
  readonly headers?: readonly (readonly [string, string])[];
  /** `after`: the request takes effect all the same and only its answer is replaced. Default: it has no effect. */
  readonly effect?: 'none' | 'after';
  /** Answer nothing and reset the connection; `status` is then only what the ledger says. */
  readonly reset?: true;
}

export interface ServerFaults {
  readonly delayMs: number;
  readonly chunked: 'refuse' | 'misread';
  readonly next: NextAnswer[];
}

export interface ServerOptions {
  readonly record: (row: TwinRequest) => void;
  readonly now: () => number;
  readonly faults: ServerFaults;
  /** The Server header. */
  readonly named: string | undefined;
}

export interface TwinServer {
  listen(port: number, host: string): Promise<number>;
  close(): Promise<void>;
}

const NOTHING = Buffer.alloc(0);

export function createTwinServer(application: Application, options: ServerOptions): TwinServer {
  const receive = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
      respond(application, options, request, response, body);
    });
    // A request that never arrives whole is nobody's business.
    request.on('error', () => {});
  };
  // Headers of up to 112 kB, and idle connections for 30 s, as thin has it.
  const server = createServer({ maxHeaderSize: 112 * 1024, keepAliveTimeout: 30_000, requestTimeout: 0 }, receive);
  server.timeout = 0;
  // thin does not know Expect: no 100 Continue, the caller sends its body when it is tired of waiting (case 151).
  server.on('checkContinue', receive);
  server.on('checkExpectation', receive);
  server.on('clientError', (error, socket) => unparsable(application, options, error, socket as Socket));
  return { listen: (port, host) => listen(server, port, host), close: () => close(server) };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function respond(
  application: Application,
  options: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): void {
  const { faults } = options;
  const chunked = request.headers['transfer-encoding'] !== undefined;
  const canned = faults.next.shift();
  let answer: Answer;
  if (canned !== undefined) {
    if (canned.effect === 'after') application(receivedFrom(request, body));
    answer = cannedAnswer(canned);
  } else if (chunked && faults.chunked === 'refuse') {
    answer = BAD_REQUEST;
  } else {
    answer = application(receivedFrom(request, chunked ? NOTHING : body));
  }
  options.record({
    method: request.method ?? '',
    path: request.url ?? '',
    headers: pairs(request.rawHeaders),
    body: body.toString('utf8'),
    atMs: options.now(),
    status: answer.status,
  });
  const finish = () => {
    if (canned?.reset === true) request.socket.resetAndDestroy();
    else if (answer.closes === true) request.socket.end(rawAnswer(answer, options.named));
    else write(request, response, answer, options.named, chunked);
  };
  if (faults.delayMs === 0) finish();
  else setTimeout(finish, faults.delayMs).unref();
}

function receivedFrom(request: IncomingMessage, body: Buffer): Received {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: request.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    header(name) {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body,
    address: request.socket.remoteAddress ?? '',
  };
}

function cannedAnswer(canned: NextAnswer): Answer {
  return {
    status: canned.status,
    contentType: canned.contentType ?? 'application/json; charset=utf-8',
    body: canned.body ?? '',
    ...(canned.headers === undefined ? {} : { headers: canned.headers }),
  };
}

function pairs(raw: readonly string[]): [string, string][] {
  const headers: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) headers.push([raw[at] ?? '', raw[at + 1] ?? '']);
  return headers;
}

function keepsAlive(request: IncomingMessage): boolean {
  const asked = request.headers.connection?.toLowerCase();
  return request.httpVersion === '1.0' ? asked === 'keep-alive' : asked !== 'close';
}

function write(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  named: string | undefined,
  misread: boolean,
): void {
  const headers = [answer.contentTypeName ?? 'Content-Type', answer.contentType];
  for (const [name, value] of answer.headers ?? []) headers.push(name, value);
  headers.push('Content-Length', String(Buffer.byteLength(answer.body)));
  headers.push('Connection', keepsAlive(request) ? 'keep-alive' : 'close');
  if (named !== undefined) headers.push('Server', named);
  response.sendDate = false;
  response.writeHead(answer.status, headers);
  response.end(request.method === 'HEAD' ? undefined : answer.body);
  // The chunks look like a second request that makes no sense.
  if (misread) response.on('finish', () => request.socket.end(rawAnswer(BAD_REQUEST, named)));
}

/** The HTTP server's own answers have no Content-Length (case 112-secret-invalid-percent). */
function rawAnswer(answer: Answer, named: string | undefined): string {
  const reason = answer.status === 400 ? 'Bad Request' : 'Not Found';
  const server = named === undefined ? '' : `Server: ${named}\r\n`;
  const length = answer.closes === true ? '' : `Content-Length: ${Buffer.byteLength(answer.body)}\r\n`;
  const type = `Content-Type: ${answer.contentType}\r\n`;
  return `HTTP/1.1 ${answer.status} ${reason}\r\n${type}${length}Connection: close\r\n${server}\r\n${answer.body}`;
}

/**
 * Bytes that Node's parser rejects: a row of the ledger with an empty method, or nothing where no bytes came at all. A
 * method that the parser does not know is still a request (case 240-weird-method).
 */
function unparsable(application: Application, options: ServerOptions, error: Error, socket: Socket): void {
  if (!socket.writable || !('code' in error) || !String(error.code).startsWith('HPE_')) {
    socket.destroy();
    return;
  }
  const raw = 'rawPacket' in error && Buffer.isBuffer(error.rawPacket) ? error.rawPacket.toString('latin1') : '';
  const line = error.code === 'HPE_INVALID_METHOD' ? /^([A-Z]+) (\S+) HTTP\/1\.[01]\r\n/.exec(raw) : null;
  const [method, path] = [line?.[1] ?? '', line?.[2] ?? ''];
  const address = socket.remoteAddress ?? '';
  const answer =
    line === null
      ? BAD_REQUEST
      : application({ method, path, query: '', header: () => undefined, body: NOTHING, address });
  options.record({ method, path, headers: [], body: '', atMs: options.now(), status: answer.status });
  socket.end(rawAnswer(answer, options.named));
}
