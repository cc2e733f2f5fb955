// Loaded before the gateway's own code (--import): the process hangs up on itself when it is about to listen.
import { Server } from 'node:net';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const { listen } = Server.prototype;
  let isDone = false;
  Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
    if (!isDone) process.kill(process.pid, 'SIGHUP');
    isDone = true;
    return Reflect.apply(listen, this, args) as Server;
  } as typeof listen;
}
