// A caller of HTTP/2 at the level of frames (RFC 9113, 4.1): for what no client would send.
import { connect, type TLSSocket } from 'node:tls';

export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;

/** RFC 9113, 7. */
export const NO_ERROR = 0;
export const PROTOCOL_ERROR = 1;
export const INTERNAL_ERROR = 2;
export const FLOW_CONTROL_ERROR = 3;
export const REFUSED_STREAM = 7;
export const CANCEL = 8;
export const ENHANCE_YOUR_CALM = 11;

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** One frame. @param payload a string: a character a byte */
export function frame(type: number, flags = 0, stream = 0, payload: Buffer | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** A number of 32 bits, as RST_STREAM and WINDOW_UPDATE have it. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A setting (RFC 9113, 6.5.1). */
export function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

/** RFC 7541, 5.1, with a prefix of 7 bits and no Huffman. */
function hpackString(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  let rest = bytes.length;
  if (rest < 127) return Buffer.concat([Buffer.from([rest]), bytes]);
  const length = [127];
  for (rest -= 127; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** A head, each field literally and not to be indexed (RFC 7541, 6.2.2). @param fields flat */
export function hpack(fields: readonly string[]): Buffer {
  return Buffer.concat(
    fields.map((text, at) => Buffer.concat([Buffer.from(at % 2 === 0 ? [0] : []), hpackString(text)])),
  );
}

/** The pseudo-headers of a request, and further fields behind them. */
export function head(method: string, path: string, ...fields: string[]): string[] {
  return [':method', method, ':scheme', 'https', ':authority', 'localhost', ':path', path, ...fields];
}

/** A head in one frame. */
export function headers(stream: number, fields: readonly string[], flags: number = END_STREAM): Buffer {
  return frame(HEADERS, END_HEADERS | flags, stream, hpack(fields));
}

export interface Seen {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export interface FrameCaller {
  readonly socket: TLSSocket;
  send(...frames: Buffer[]): void;
  /** Every frame received so far. */
  readonly seen: readonly Seen[];
  /** Resolves with the first frame, received or still to come, that is such; rejects when the connection closes before. */
  sees(type: number, stream?: number): Promise<Seen>;
  /** Resolves when the connection has closed. */
  readonly closed: Promise<void>;
}

/** The error code of a RST_STREAM or, behind its last stream, of a GOAWAY. */
export function codeOf({ type, payload }: Seen): number {
  return payload.readUInt32BE(type === GOAWAY ? 4 : 0);
}

/** Cuts what has come into frames. @returns what is left */
function cutFrames(bytes: Buffer, found: (seen: Seen) => void): Buffer {
  let at = 0;
  while (at + 9 <= bytes.length) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    const stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    found({ type: bytes[at + 3] ?? 0, flags: bytes[at + 4] ?? 0, stream, payload: bytes.subarray(at + 9, end) });
    at = end;
  }
  return bytes.subarray(at);
}

/**
 * Connects, chooses HTTP/2, and sends its preface with these settings.
 * @param url of a listener on the loopback address
 */
export async function openFrames(url: string, ca: Buffer, settings: Buffer = Buffer.alloc(0)): Promise<FrameCaller> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), servername: 'localhost', ca, ALPNProtocols: ['h2'] });
  const seen: Seen[] = [];
  const watchers = new Set<() => void>();
  let rest: Buffer = Buffer.alloc(0);
  let isClosed = false;
  const tell = (): void => {
    for (const watcher of watchers) watcher();
  };
  socket.on('data', (chunk: Buffer) => {
    rest = cutFrames(Buffer.concat([rest, chunk]), (each) => seen.push(each));
    tell();
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((done) => {
    socket.once('close', () => {
      isClosed = true;
      tell();
      done();
    });
  });
  await new Promise<void>((done, fail) => socket.once('secureConnect', done).once('error', fail));
  socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, settings)]));
  return {
    socket,
    seen,
    closed,
    send: (...frames) => void socket.write(Buffer.concat(frames)),
    sees: (type, stream) =>
      new Promise((done, fail) => {
        const watcher = (): void => {
          const found = seen.find((each) => each.type === type && (stream === undefined || each.stream === stream));
          if (found === undefined && !isClosed) return;
          watchers.delete(watcher);
          if (found === undefined) fail(new Error(`closed; seen: ${seen.map((each) => each.type).join(' ')}`));
          else done(found);
        };
        watchers.add(watcher);
        watcher();
      }),
  };
}
