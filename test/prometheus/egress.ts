// An egress proxy that is there or away, as a test wants it.
import type { Socket } from 'node:net';
import { forwardTo, openProxy } from '../support/broken-proxy.ts';

/** @returns its URL, and what makes connections fail: `away` closes every one, also those that are open */
export async function openEgress() {
  let isThere = true;
  const sockets = new Set<Socket>();
  const proxy = await openProxy((socket, head) => {
    if (!isThere) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    forwardTo(socket, head);
  });
  return {
    url: `http://127.0.0.1:${proxy.port}`,
    close: () => proxy[Symbol.asyncDispose](),
    set(is: 'there' | 'away'): void {
      isThere = is === 'there';
      if (isThere) return;
      for (const socket of sockets) socket.destroy();
    },
  };
}
