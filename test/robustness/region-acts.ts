// What a hostile or broken region does with a request, at the level of bytes.
import type { Socket } from 'node:net';
import type { Behave } from './witness.ts';

export const writes =
  (bytes: string): Behave =>
  (socket) =>
    void socket.write(bytes, 'latin1');

export const writesAndEnds =
  (bytes: string): Behave =>
  (socket) =>
    void socket.end(bytes, 'latin1');

export const writesAndResets =
  (bytes: string): Behave =>
  (socket) =>
    void socket.write(bytes, 'latin1', () => socket.resetAndDestroy());

/** One letter more every 100 ms, for as long as anybody listens. */
export const dribbles =
  (before: string): Behave =>
  (socket: Socket) => {
    socket.write(before, 'latin1');
    const timer = setInterval(() => socket.write('a'), 100);
    socket.on('close', () => clearInterval(timer));
  };

/** The beginning of an answer whose length is still to be said. */
export const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

/** An ordinary answer. @param more further fields, each with its end of line */
export function ok(body = '{"state":"new"}', more = ''): string {
  return `${HEAD}${more}Content-Length: ${body.length}\r\n\r\n${body}`;
}
