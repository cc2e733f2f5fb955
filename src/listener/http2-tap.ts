// A connection as nghttp2 reads and writes it, with somebody beside who is shown first what comes. What nghttp2 writes comes here
// as a copy, which the connection then holds as long as it must: Node's own way from stream to socket has lent it memory that
// others had meanwhile (CVE-2026-123866).
import { Duplex } from 'node:stream';

interface Piece {
  readonly chunk: Buffer;
}

export class Tap extends Duplex {
  /** In bytes; counted here, since to ask the system costs more. */
  received = 0;
  sent = 0;
  readonly #socket: Duplex;

  /** @param show is given each piece before nghttp2 has it */
  constructor(socket: Duplex, show: (chunk: Buffer) => void) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
      show(chunk);
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('close', () => this.destroy());
    socket.on('error', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.sent += chunk.length;
    this.#socket.write(chunk, done);
  }

  /** In one piece: each is a record of TLS. */
  override _writev(pieces: readonly Piece[], done: (error?: Error | null) => void): void {
    const all = Buffer.concat(pieces.map(({ chunk }) => chunk));
    this.sent += all.length;
    this.#socket.write(all, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(_error: Error | null, done: () => void): void {
    this.#socket.destroy();
    done();
  }
}
