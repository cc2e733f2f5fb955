// Bytes that come in pieces and are kept until all are there. A piece costs a hundred bytes and more beside its own, which whoever
// sends one byte at a time would have the gateway pay: small ones are joined while they come.

/** From this size on a piece is worth what it costs. */
const SMALL_BYTES = 1024;
/** So many small ones in a row become one. */
const JOINED = 256;

export class Pieces {
  #pieces: Buffer[] = [];
  /** Of the last ones: small, and not joined yet. */
  #loose = 0;

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    if (piece.length >= SMALL_BYTES) this.#loose = 0;
    else if (++this.#loose === JOINED) {
      this.#pieces.push(Buffer.concat(this.#pieces.splice(-JOINED)));
      this.#loose = 0;
    }
  }

  /** In order; how they are cut is not how they came. */
  [Symbol.iterator](): Iterator<Buffer> {
    return this.#pieces.values();
  }

  whole(): Buffer {
    const [only] = this.#pieces;
    return only !== undefined && this.#pieces.length === 1 ? only : Buffer.concat(this.#pieces);
  }

  /** Lets go of them. */
  clear(): void {
    this.#pieces = [];
    this.#loose = 0;
  }
}
