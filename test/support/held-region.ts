// A region that takes requests and answers when it is told to.
import type { Socket } from 'node:net';
import { openBrokenRegion } from './broken-region.ts';

export interface HeldRegion extends AsyncDisposable {
  readonly url: string;
  /** Every request that was received whole. */
  readonly received: readonly string[];
  /** Settles when the first request has been received whole. */
  readonly first: Promise<void>;
  /** Answers every request so far, 200. */
  release(): void;
}

const BODY = '{"state":"new"}';
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;

export async function openHeldRegion(): Promise<HeldRegion> {
  const held: Socket[] = [];
  const { promise: first, resolve } = Promise.withResolvers<void>();
  const region = await openBrokenRegion((socket) => {
    held.push(socket);
    resolve();
  });
  return {
    url: region.url,
    received: region.received,
    first,
    release() {
      for (const socket of held.splice(0)) socket.write(ANSWER);
    },
    [Symbol.asyncDispose]: () => region.close(),
  };
}
