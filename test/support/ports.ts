// Ports of the loopback address.
import { type AddressInfo, createServer, type Server } from 'node:net';

export interface TakenPort extends AsyncDisposable {
  readonly port: number;
}

/** Listens on a port of the system's choice until it is disposed of. */
export async function takePort(): Promise<TakenPort> {
  const server = await listen(0);
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: () => close(server) };
}

/** Whether a port can be listened on. */
export async function isFree(port: number): Promise<boolean> {
  try {
    await close(await listen(port));
    return true;
  } catch {
    return false;
  }
}

function listen(port: number): Promise<Server> {
  return new Promise((settle, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => settle(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((settle) => {
    server.close(() => settle());
  });
}
