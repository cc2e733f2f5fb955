// WebSockets at the level of bytes (RFC 6455, 5.2): for what no library would send.
import { createHash } from 'node:crypto';
import type { RawCaller } from '../../support/raw.ts';
import { latin1Caller } from './world.ts';

export const CONTINUED = 0x0;
export const TEXT = 0x1;
export const CLOSE = 0x8;

export interface FrameOptions {
  /** False: further fragments follow. */
  readonly fin?: boolean;
  /** The bit that says compressed. */
  readonly rsv1?: boolean;
  /** Callers mask, servers do not. The mask is zero, so the payload stands as it is. */
  readonly masked?: boolean;
  /** Said of the payload, in place of its own, as 64 bits. */
  readonly lengthSaid?: bigint;
}

/** One frame. */
export function frame(opcode: number, payload: Buffer | string, options: FrameOptions = {}): Buffer {
  const { fin = true, rsv1 = false, masked = false, lengthSaid } = options;
  const body = Buffer.from(payload);
  const first = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  const mask = masked ? 0x80 : 0;
  let head: Buffer;
  if (lengthSaid !== undefined || body.length > 0xffff) {
    head = Buffer.alloc(10);
    head[1] = mask | 127;
    head.writeBigUInt64BE(lengthSaid ?? BigInt(body.length), 2);
  } else if (body.length > 125) {
    head = Buffer.alloc(4);
    head[1] = mask | 126;
    head.writeUInt16BE(body.length, 2);
  } else head = Buffer.from([0, mask | body.length]);
  head[0] = first;
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0), body]);
}

/** The payload of a close frame. */
export function closing(code: number, reason = ''): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

export interface Read {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** The whole frames in what a caller received behind the head of a 101; a short payload each. */
export function framesIn(received: string): Read[] {
  const bytes = Buffer.from(received.slice(received.indexOf('\r\n\r\n') + 4), 'latin1');
  const found: Read[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    let length = (bytes[at + 1] ?? 0) & 0x7f;
    let start = at + 2;
    if (length === 126) {
      length = bytes.readUInt16BE(start);
      start += 2;
    }
    found.push({ opcode: (bytes[at] ?? 0) & 0x0f, payload: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

/** The code of the close frame that came, if any did. */
export function closeCodeIn(received: string): number | undefined {
  const close = framesIn(received).find(({ opcode }) => opcode === CLOSE);
  return close === undefined || close.payload.length < 2 ? undefined : close.payload.readUInt16BE(0);
}

const KEY = 'AAAAAAAAAAAAAAAAAAAAAA==';

/** The head of a handshake. @param more header lines, each with its end */
export function handshake(target: string, more = ''): string {
  return (
    `GET ${target} HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
    `Sec-WebSocket-Key: ${KEY}\r\n${more}\r\n`
  );
}

/** Opens a WebSocket; resolves when it is open. */
export async function openRaw(url: string, target: string, more = ''): Promise<RawCaller> {
  const caller = latin1Caller(url);
  caller.send(handshake(target, more));
  await caller.sees(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n/);
  return caller;
}

/** A server's answer to a handshake. @param more header lines, each with its end */
export function accepted(request: string, more = ''): string {
  const key = /^sec-websocket-key: *(.*)\r$/im.exec(request)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n${more}\r\n`;
}
