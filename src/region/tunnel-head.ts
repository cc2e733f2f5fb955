// The head of a proxy's answer to CONNECT, read from its connection and no byte further.
import type { Socket } from 'node:net';
import { ProxyError } from './tunnel-fault.ts';

/** Beyond it no honest proxy has anything to say. */
const MOST_BYTES = 8 * 1024;
const HEAD_END = '\r\n\r\n';
/** With what an answer begins: other bytes are told at once, and not waited for. */
const BEGINNING = 'HTTP/1.';
/** tinyproxy answers 401 to credentials that are wrong, and 407 to none. */
const AUTHENTICATION: ReadonlySet<number> = new Set([401, 407]);
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?\r\n/;

/** `undefined`: it is not all there. */
function judge(seen: string): Error | 'connected' | undefined {
  if (!BEGINNING.startsWith(seen.slice(0, BEGINNING.length))) return new ProxyError('garbled');
  const end = seen.indexOf(HEAD_END);
  if (end === -1) return seen.length > MOST_BYTES ? new ProxyError('garbled') : undefined;
  const status = Number(STATUS_LINE.exec(seen)?.[1] ?? 0);
  if (status === 0 || end > MOST_BYTES) return new ProxyError('garbled');
  if (AUTHENTICATION.has(status)) return new ProxyError('authentication', status);
  // RFC 9110, 15.6: it would, and could not. Anything else is what it does not want to, or should never say.
  if (status >= 500) return new ProxyError('no_route', status);
  if (status !== 200) return new ProxyError('refused', status);
  // A server speaks when it was spoken to: what is there already is nobody's answer.
  return seen.length > end + HEAD_END.length ? new ProxyError('garbled') : 'connected';
}

/**
 * Reads until the head is whole.
 * @param done called once, with what is wrong, or undefined: then the connection leads to whom was asked for. Not called
 *   where the connection closes before
 */
export function headFault(socket: Socket, done: (fault: Error | undefined) => void): void {
  let seen = '';
  function look(): void {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      seen += chunk.toString('latin1');
    }
    const verdict = judge(seen);
    if (verdict === undefined) return;
    socket.off('readable', look);
    socket.off('end', ended);
    done(verdict === 'connected' ? undefined : verdict);
  }
  /** A half-open connection would be waited for in vain. */
  const ended = (): void => void socket.destroy();
  socket.on('readable', look);
  socket.once('end', ended);
}
