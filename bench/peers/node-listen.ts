// How the small programs of this folder say where they listen.
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** As long a queue as the others are given: a thousand callers connect at once. */
export const BACKLOG = 4096;
/** Connections to the upstream at most, as the gateway's default is. */
export const CONNECTIONS = 256;

export async function listenAnywhere(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1', BACKLOG);
  await once(server, 'listening');
  console.log(`listening on ${(server.address() as AddressInfo).port}`);
}
