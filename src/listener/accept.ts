// What a connection has to pass before the server hears of it.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Calls `pass`, at once or later, or ends the connection. Nothing has been read of it, nor of TLS on it. */
export type Gate = (socket: Socket, pass: () => void) => void;

/** Puts gates before a server, the first one outermost. Whatever the server itself does with a connection comes behind them. */
export function guardConnections(server: Server, gates: readonly Gate[]): void {
  if (gates.length === 0) return;
  const inner = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const enter = (at: number): void => {
      const gate = gates[at];
      if (gate !== undefined) gate(socket, () => enter(at + 1));
      else for (const listener of inner) Reflect.apply(listener, server, [socket]);
    };
    enter(0);
  });
}

/** Both ends: no two connections that are open have the same. The one of TLS has those of what is below it. */
export function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
