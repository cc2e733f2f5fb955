// ioredis hears the first error of each of its sockets, and only that. A TLS socket may tell of a second one (its
// certificate is not trusted, then the server's alert arrives), which would end the process. ioredis opens sockets of its
// own (to Sentinels, to learn a cluster's slots, to hear news in it) that no option reaches: so every connector is told
// here to listen on.
import { ioredis } from './ioredis.ts';

interface Socket {
  on(event: 'error', listener: () => void): unknown;
}

const sockets = new WeakMap<object, Socket>();

/** For every connection of this process that is opened from now on. */
export function guardSockets(): void {
  Object.defineProperty(ioredis().AbstractConnector.prototype, 'stream', {
    configurable: true,
    get(this: object): Socket | undefined {
      return sockets.get(this);
    },
    set(this: object, socket: Socket) {
      sockets.set(this, socket);
      socket.on('error', () => undefined);
    },
  });
}
