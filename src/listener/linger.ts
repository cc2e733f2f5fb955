// How a connection ends whose last answer has left. Closed with bytes unread, it would be reset, and a reset makes the peer's
// system throw away what it has received and not yet read: the answer. So its own side is closed alone, what still comes is
// read and thrown away, and it ends when the peer has closed, too, or takes too long for that (RFC 9112, 9.6).
import type { Duplex } from 'node:stream';

export interface LingerBounds {
  /** A peer that sends nothing for so long has its answer. */
  readonly quietMs: number;
  readonly totalMs: number;
  /** Who sends more than this does not read answers. */
  readonly bytes: number;
}

/** A few round trips of the slowest networks; in all, and in bytes, more than the largest body that is usual. */
const BOUNDS: LingerBounds = { quietMs: 2000, totalMs: 10_000, bytes: 4 * 1024 * 1024 };
/** Of a gateway that is ending. */
export const LAST_BOUNDS: LingerBounds = { ...BOUNDS, quietMs: 500, totalMs: 1000 };

const lingering = new WeakSet<Duplex>();

/** Whether nothing of it is listened to any more. */
export function isLingering(socket: Duplex): boolean {
  return lingering.has(socket);
}

/** What still comes is read, since that shows when the peer leaves, and thrown away: Node's parser has no part in it. */
export function ignoreRest(socket: Duplex): void {
  if (lingering.has(socket)) return;
  socket.removeAllListeners('data');
  socket.on('data', () => {});
  socket.resume();
}

/** Ends it when what was written has left; at the latest by these bounds. Called again, it does nothing. */
export function linger(socket: Duplex, { quietMs, totalMs, bytes }: LingerBounds = BOUNDS): void {
  if (lingering.has(socket) || socket.destroyed) return;
  lingering.add(socket);
  const cut = (): void => void socket.destroy();
  const quiet = setTimeout(cut, quietMs).unref();
  const total = setTimeout(cut, totalMs).unref();
  let leftBytes = bytes;
  // Node's parser reads no more of it: what comes is none of its requests.
  socket.removeAllListeners('data');
  // A peer that resets it; of one that asked for a tunnel Node does not listen to that any more.
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    leftBytes -= chunk.length;
    if (leftBytes < 0) cut();
    else quiet.refresh();
  });
  socket.once('close', () => {
    clearTimeout(quiet);
    clearTimeout(total);
  });
  // With both sides closed it destroys itself.
  socket.end();
  socket.resume();
}
