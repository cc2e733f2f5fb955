// Makes of this platform one on which `reusePort` is not supported, as Node says it there.
import { Server } from 'node:net';

const { listen } = Server.prototype;

Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
  const [options] = args as [{ reusePort?: boolean } | undefined];
  if (options?.reusePort !== true) return Reflect.apply(listen, this, args) as Server;
  const error = Object.assign(new Error('listen ENOTSUP: operation not supported'), {
    code: 'ENOTSUP',
    syscall: 'listen',
  });
  process.nextTick(() => this.emit('error', error));
  return this;
} as typeof listen;
