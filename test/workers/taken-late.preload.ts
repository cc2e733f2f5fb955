// Another program takes the port just after the main thread has looked: workers find it taken.
import { Server } from 'node:net';
import { isMainThread } from 'node:worker_threads';

const { listen } = Server.prototype;

Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
  const [options] = args as [{ reusePort?: boolean; host?: string; port?: number } | undefined];
  if (isMainThread || options?.reusePort !== true) return Reflect.apply(listen, this, args) as Server;
  const { host: address, port } = options;
  const error = new Error('listen EADDRINUSE: address already in use');
  process.nextTick(() => this.emit('error', Object.assign(error, { code: 'EADDRINUSE', address, port })));
  return this;
} as typeof listen;
