// The lines of an answer as RFC 9112 has them: status line, fields, the line before a chunk. Each is read out of bytes that may
// end within it, and nothing is taken that could be read in another way. Hot path: each byte of a head is looked at once.
import { AnswerFault, type AnswerFlaw } from './answer-fault.ts';
import { type Framing, isDigit, isSpace, LOWER, moveBack, SPACE, TAB, ZERO } from './answer-framing.ts';

/** In place of where a line ends: its end is still to come. */
export const INCOMPLETE = -1;

export const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const DELETE = 0x7f;

/** Of each byte 1 where it may stand in a name: RFC 9110, 5.6.2, token. */
const NAME = new Uint8Array(256);
for (const char of Buffer.from("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
  NAME[char] = 1;
}
/** In a value, a reason or an extension: RFC 9110, 5.5; no bare CR or LF, no NUL, no other control but the tab. */
const VALUE = new Uint8Array(256).fill(1, SPACE);
VALUE[DELETE] = 0;
VALUE[TAB] = 1;

/** Of a line whose text ends at `at`: where the next one begins. */
function lineEnd(bytes: Buffer, at: number, flaw: AnswerFlaw): number {
  if (at >= bytes.length) return INCOMPLETE;
  if (bytes[at] !== CR) throw new AnswerFault(flaw);
  if (at + 1 === bytes.length) return INCOMPLETE;
  if (bytes[at + 1] !== LF) throw new AnswerFault(flaw);
  return at + 2;
}

function valueEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && VALUE[bytes[at] ?? 0] === 1) at++;
  return at;
}

/** Between these two stands each byte of what a status line begins with: RFC 9110, 15, has five kinds of statuses. */
const LOWEST = Buffer.from('HTTP/1.0 100');
const HIGHEST = Buffer.from('HTTP/1.1 599');

/**
 * RFC 9112, 4. A reason that is left out together with its space is taken: many a server writes it so, and it has one meaning.
 * @returns where the line ends
 */
export function statusLineEnd(bytes: Buffer, at: number): number {
  const known = Math.min(LOWEST.length, bytes.length - at);
  for (let i = 0; i < known; i++) {
    const byte = bytes[at + i] ?? 0;
    if (byte < (LOWEST[i] ?? 0) || byte > (HIGHEST[i] ?? 0)) throw new AnswerFault('status_line');
  }
  if (known < LOWEST.length) return INCOMPLETE;
  const behind = at + known;
  return lineEnd(bytes, bytes[behind] === SPACE ? valueEnd(bytes, behind + 1) : behind, 'status_line');
}

/** @param at where a status line begins that statusLineEnd has taken */
export function statusAt(bytes: Buffer, at: number): number {
  const digit = (place: number): number => (bytes[at + place] ?? ZERO) - ZERO;
  return 100 * digit(9) + 10 * digit(10) + digit(11);
}

/** RFC 9112, 6.1: in an answer of HTTP/1.0 chunks are a fault, and this tells which it is. */
export function isOfHttp10(bytes: Buffer, at: number): boolean {
  return bytes[at + 7] === ZERO;
}

/**
 * RFC 9112, 5: one field, neither folded nor with a space before its colon; or the empty line, which ends two bytes behind
 * its begin, as no field does.
 */
export function fieldEnd(bytes: Buffer, at: number, framing: Framing): number {
  if (bytes[at] === CR) return lineEnd(bytes, at, 'field');
  let colon = at;
  while (colon < bytes.length && NAME[bytes[colon] ?? 0] === 1) colon++;
  if (colon === bytes.length) return INCOMPLETE;
  if (colon === at || bytes[colon] !== COLON) throw new AnswerFault('field');
  const end = valueEnd(bytes, colon + 1);
  const next = lineEnd(bytes, end, 'field');
  if (next !== INCOMPLETE) framing.note(bytes, at, colon, end);
  return next;
}

/** Numbers that are exact. */
const MOST_HEX_DIGITS = 13;

function hexOf(byte: number | undefined): number {
  if (isDigit(byte)) return byte - ZERO;
  const letter = (byte ?? 0) | LOWER;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** @param at where the line before a chunk begins that chunkLineEnd has taken @returns the bytes of the chunk */
export function chunkSizeAt(bytes: Buffer, at: number): number {
  let size = 0;
  for (let i = at; i < bytes.length; i++) {
    const digit = hexOf(bytes[i]);
    if (digit === -1) break;
    size = 16 * size + digit;
  }
  return size;
}

/**
 * RFC 9112, 7.1: digits, and extensions, which mean nothing here: zeros before the number take their place, since what undici
 * thinks of them is to matter to nobody. White space may stand before an extension alone.
 */
export function chunkLineEnd(bytes: Buffer, at: number): number {
  let digits = at;
  while (digits < bytes.length && hexOf(bytes[digits]) !== -1) digits++;
  if (digits - at > MOST_HEX_DIGITS || (digits === at && digits < bytes.length)) throw new AnswerFault('chunk');
  let end = digits;
  while (end < bytes.length && isSpace(bytes[end])) end++;
  if (bytes[end] === SEMICOLON) end = valueEnd(bytes, end);
  else if (end > digits && end < bytes.length) throw new AnswerFault('chunk');
  const next = lineEnd(bytes, end, 'chunk');
  if (next !== INCOMPLETE && end > digits) moveBack(bytes, at, digits, end, ZERO);
  return next;
}

/** RFC 9112, 7.1: behind the bytes of a chunk. */
export function emptyLineEnd(bytes: Buffer, at: number): number {
  return lineEnd(bytes, at, 'chunk');
}
