// A caller at the level of bytes.
import { connect, type Socket } from 'node:net';

export interface RawCaller {
  readonly socket: Socket;
  send(bytes: string): void;
  /** Everything received so far. */
  received(): string;
  /** Resolves when what was received matches. */
  sees(pattern: RegExp): Promise<void>;
  /** Resolves with everything received when the connection has closed. */
  closed: Promise<string>;
}

/**
 * @param base URL of a listener on the loopback address
 * @param options `localAddress`: of 127.0.0.0/8, to call from
 */
export function rawCaller(base: string, options: { allowHalfOpen?: boolean; localAddress?: string } = {}): RawCaller {
  const { hostname, port } = new URL(base);
  const socket = connect({ port: Number(port), host: hostname, ...options });
  let text = '';
  const watchers = new Set<() => void>();
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    for (const watcher of watchers) watcher();
  });
  socket.on('error', () => {});
  const closed = new Promise<string>((done) => socket.on('close', () => done(text)));
  return {
    socket,
    closed,
    send: (bytes) => void socket.write(bytes),
    received: () => text,
    sees: (pattern) =>
      new Promise((done) => {
        const watcher = (): void => {
          if (!pattern.test(text)) return;
          watchers.delete(watcher);
          done();
        };
        watchers.add(watcher);
        watcher();
      }),
  };
}
