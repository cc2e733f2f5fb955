// What the fields of an answer say of how long its body is: RFC 9112, 6. One way to tell it is taken, and no other beside it.
import { AnswerFault } from './answer-fault.ts';

export const TAB = 0x09;
export const SPACE = 0x20;
export const ZERO = 0x30;
const NINE = 0x39;
/** Makes an upper-case letter of ASCII a lower-case one. */
export const LOWER = 0x20;

const CONTENT_LENGTH = Buffer.from('content-length');
const TRANSFER_ENCODING = Buffer.from('transfer-encoding');
const CHUNKED = Buffer.from('chunked');
/** Of them every number is exact. */
const MOST_DIGITS = 15;

export function isDigit(byte: number | undefined): byte is number {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

export function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

/** @returns whether `word`, in lower case, stands at `at`, however it is written; of bytes that may stand in a field */
function stands(word: Buffer, bytes: Buffer, at: number): boolean {
  for (let i = 0; i < word.length; i++) if (((bytes[at + i] ?? 0) | LOWER) !== word[i]) return false;
  return true;
}

function decimalOf(bytes: Buffer, from: number, to: number): number {
  if (to === from || to - from > MOST_DIGITS) throw new AnswerFault('framing');
  let value = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (!isDigit(byte)) throw new AnswerFault('framing');
    value = 10 * value + byte - ZERO;
  }
  return value;
}

/** Moves what stands from `from` to `to` so that it ends at `end`, over what stood there; before it comes `filler`. */
export function moveBack(bytes: Buffer, from: number, to: number, end: number, filler: number): void {
  bytes.copyWithin(end - (to - from), from, to);
  bytes.fill(filler, from, end - (to - from));
}

export class Framing {
  /** Undefined: not said. */
  lengthBytes: number | undefined;
  isChunked = false;

  clear(): void {
    this.lengthBytes = undefined;
    this.isChunked = false;
  }

  /**
   * Looks at one field, whose line is whole; white space may be moved within it.
   * @param at where its name begins @param end where its value ends
   * @throws AnswerFault for a second word on the length, for a coding that is not `chunked` alone, for what is no number
   */
  note(bytes: Buffer, at: number, colon: number, end: number): void {
    // By the name's length first: it sorts out nearly all.
    const size = colon - at;
    const isLength = size === CONTENT_LENGTH.length && stands(CONTENT_LENGTH, bytes, at);
    if (!isLength && !(size === TRANSFER_ENCODING.length && stands(TRANSFER_ENCODING, bytes, at))) return;
    if (this.isChunked || this.lengthBytes !== undefined) throw new AnswerFault('framing');
    let [from, to] = [colon + 1, end];
    while (from < to && isSpace(bytes[from])) from++;
    while (to > from && isSpace(bytes[to - 1])) to--;
    if (isLength) {
      this.lengthBytes = decimalOf(bytes, from, to);
      // White space behind a number undici counts as digits, and would give up a good answer.
      if (to < end) moveBack(bytes, from, to, end, SPACE);
    } else if (to - from === CHUNKED.length && stands(CHUNKED, bytes, from)) this.isChunked = true;
    else throw new AnswerFault('framing');
  }
}
