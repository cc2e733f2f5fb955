// Reads the answers on one connection as RFC 9112 has them, ahead of undici, whose parser repairs or passes over what is not
// quite one. Of an answer nothing goes on before its head is whole; those of 1xx before it go no further.
import { AnswerFault } from './answer-fault.ts';
import { Framing } from './answer-framing.ts';
import {
  chunkLineEnd,
  chunkSizeAt,
  emptyLineEnd,
  fieldEnd,
  INCOMPLETE,
  isOfHttp10,
  LF,
  statusAt,
  statusLineEnd,
} from './answer-lines.ts';

/** For all heads of one answer, and its trailer. Undici itself takes a quarter of it for one. */
const MOST_HEAD_BYTES = 64 * 1024;
const MOST_LINE_BYTES = 4096;
const SWITCHING_PROTOCOLS = 101;
const EMPTY_LINE_BYTES = 2;

/** `nothing`: nobody has asked. `data end`: the end of line behind a chunk. */
type Expected = 'nothing' | 'status' | 'field' | 'data' | 'data end' | 'chunk' | 'trailer';

export class AnswerReader {
  #expected: Expected = 'nothing';
  #isSpoilt = false;
  #toHead = false;
  #status = 0;
  #isOfHttp10 = false;
  readonly #framing = new Framing();
  /** Taken for heads and trailer. */
  #headBytes = 0;
  /** Of the body, or of the chunk, that are still to come. */
  #leftBytes = 0;
  /** What came of a line, or of a head, that is not whole; in pieces, so that many small ones are not copied again and again. */
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  /** How much of it has been read already: the lines of a head that are whole. */
  #heldRead = 0;
  /** Where the head that is read began, in the bytes of one call. */
  #headAt = 0;

  /** Something came that nobody asked for: the connection is not to be used again. */
  get isSpoilt(): boolean {
    return this.#isSpoilt;
  }

  /**
   * From now on bytes are an answer.
   * @param toHead whether to HEAD: it has no body
   * @returns false: the answer before is not over, or left something behind
   */
  begin(toHead: boolean): boolean {
    if (this.#isSpoilt || this.#expected !== 'nothing') return false;
    this.#expected = 'status';
    this.#toHead = toHead;
    this.#headBytes = 0;
    return true;
  }

  /**
   * @param chunk bytes as they came
   * @returns those that may go on; null: none yet
   * @throws AnswerFault
   */
  read(chunk: Buffer): Buffer | null {
    const isHeld = this.#heldBytes > 0;
    // What is held lacks the end of its line: until that comes there is nothing new to read, in however many pieces.
    if (isHeld && !chunk.includes(LF)) {
      this.#hold(chunk);
      return null;
    }
    const bytes = isHeld ? Buffer.concat([...this.#held, chunk]) : chunk;
    let at = this.#heldRead;
    this.#headAt = 0;
    while (at < bytes.length && this.#expected !== 'nothing') {
      const next = this.#step(bytes, at);
      if (next === INCOMPLETE) break;
      at = next;
    }
    if (isHeld) {
      this.#held.length = 0;
      this.#heldBytes = 0;
    }
    return this.#split(bytes, at);
  }

  /** @returns what goes on; of the rest, behind `at`, what belongs to an answer is held back */
  #split(bytes: Buffer, at: number): Buffer | null {
    const isInHead = this.#expected === 'status' || this.#expected === 'field';
    const to = isInHead ? this.#headAt : at;
    this.#heldRead = at - to;
    const isAll = to === bytes.length;
    if (!isAll && this.#expected === 'nothing') this.#isSpoilt = true;
    else if (!isAll) this.#hold(bytes.subarray(to));
    if (isInHead || to === this.#headAt) return null;
    return isAll && this.#headAt === 0 ? bytes : bytes.subarray(this.#headAt, to);
  }

  #hold(piece: Buffer): void {
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    const lineBytes = this.#heldBytes - this.#heldRead;
    const isChunkLine = this.#expected === 'chunk';
    if (isChunkLine ? lineBytes > MOST_LINE_BYTES : this.#headBytes + lineBytes > MOST_HEAD_BYTES) {
      throw new AnswerFault('too_long');
    }
  }

  /** Reads what comes next. @returns how far, or INCOMPLETE */
  #step(bytes: Buffer, at: number): number {
    switch (this.#expected) {
      case 'status':
        return this.#statusLine(bytes, at);
      case 'field':
      case 'trailer':
        return this.#field(bytes, at);
      case 'chunk':
        return this.#chunkLine(bytes, at);
      case 'data end':
        return this.#dataEnd(bytes, at);
      default:
        return this.#data(bytes, at);
    }
  }

  #statusLine(bytes: Buffer, at: number): number {
    this.#headAt = at;
    const next = statusLineEnd(bytes, at);
    if (next === INCOMPLETE) return INCOMPLETE;
    this.#status = statusAt(bytes, at);
    if (this.#status === SWITCHING_PROTOCOLS) throw new AnswerFault('switching');
    this.#isOfHttp10 = isOfHttp10(bytes, at);
    this.#framing.clear();
    this.#expected = 'field';
    this.#countHead(next - at);
    return next;
  }

  #field(bytes: Buffer, at: number): number {
    const next = fieldEnd(bytes, at, this.#framing);
    if (next === INCOMPLETE) return INCOMPLETE;
    this.#countHead(next - at);
    if (next - at > EMPTY_LINE_BYTES) return next;
    this.#expected = this.#expected === 'trailer' ? 'nothing' : this.#behindHead();
    if (this.#expected === 'status') this.#headAt = next;
    return next;
  }

  /** RFC 9112, 6.3. */
  #behindHead(): Expected {
    const { isChunked, lengthBytes } = this.#framing;
    if (isChunked && this.#isOfHttp10) throw new AnswerFault('framing');
    if (this.#status < 200) return 'status';
    if (this.#toHead || this.#status === 204 || this.#status === 304) return 'nothing';
    if (isChunked) return 'chunk';
    if (lengthBytes === undefined) throw new AnswerFault('undelimited');
    this.#leftBytes = lengthBytes;
    return lengthBytes === 0 ? 'nothing' : 'data';
  }

  #countHead(lineBytes: number): void {
    this.#headBytes += lineBytes;
    if (this.#headBytes > MOST_HEAD_BYTES) throw new AnswerFault('too_long');
  }

  #data(bytes: Buffer, at: number): number {
    const taken = Math.min(this.#leftBytes, bytes.length - at);
    this.#leftBytes -= taken;
    if (this.#leftBytes === 0) this.#expected = this.#framing.isChunked ? 'data end' : 'nothing';
    return at + taken;
  }

  #dataEnd(bytes: Buffer, at: number): number {
    const next = emptyLineEnd(bytes, at);
    if (next !== INCOMPLETE) this.#expected = 'chunk';
    return next;
  }

  #chunkLine(bytes: Buffer, at: number): number {
    const next = chunkLineEnd(bytes, at);
    if (next === INCOMPLETE) return INCOMPLETE;
    if (next - at > MOST_LINE_BYTES) throw new AnswerFault('too_long');
    this.#leftBytes = chunkSizeAt(bytes, at);
    this.#expected = this.#leftBytes === 0 ? 'trailer' : 'data';
    return next;
  }
}
