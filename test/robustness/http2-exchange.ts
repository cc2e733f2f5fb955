// One case over HTTP/2: what is sent are frames, and what came back is told as it is for HTTP/1.1.
import type { FrameCaller, Seen } from '../support/http2-frames.ts';
import { codeOf, DATA, END_STREAM, GOAWAY, HEADERS, openFrames, RST_STREAM, setting } from '../support/http2-frames.ts';
import type { Answer } from './answers.ts';

/** What a caller sends of HTTP/2 behind the preface. */
export interface Framed {
  /** Beside the one that keeps the server's heads readable without a table. */
  readonly settings?: Buffer;
  readonly frames: readonly Buffer[];
}

export interface FramedExchange {
  readonly answers: readonly Answer[];
  readonly received: string;
  /** Whether each of its streams was ended, or the connection. */
  readonly closed: boolean;
  /** Errors by which streams or the connection were ended, by their names; each once. */
  readonly errors: readonly string[];
}

/** RFC 9113, 7, in the order of their numbers. */
const ERRORS = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
];
/** SETTINGS_HEADER_TABLE_SIZE of 0: no head refers to one before. */
const NO_TABLE = setting(1, 0);
/** RFC 7541, A: where `:status` stands with a value, and alone. */
const KNOWN: Readonly<Record<number, number>> = { 8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500 };
const STATUS_ALONE = 8;
/** RFC 7541, B: digits take five bits up to 2, six beyond, of which the first two bits tell. */
const SHORT_BITS = 5;
const LONG_BITS = 6;
const LONG_FROM = 0b011001;

function huffmanDigits(bytes: Buffer): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  let digits = '';
  for (let at = 0; digits.length < 3 && at < bits.length; ) {
    const isShort = bits.startsWith('000', at);
    const code = Number.parseInt(bits.slice(at, at + (isShort ? SHORT_BITS : LONG_BITS)), 2);
    digits += isShort ? code : code - LONG_FROM + 3;
    at += isShort ? SHORT_BITS : LONG_BITS;
  }
  return digits;
}

/** Of an answer's head: its first field. @returns 0 where it is none */
export function statusOf(head: Buffer): number {
  let at = 0;
  // The size of the table may be told first (RFC 7541, 4.2), in one byte or in more of which all but the last have a high bit.
  while (((head[at] ?? 0) & 0xe0) === 0x20) {
    if (((head[at++] ?? 0) & 0x1f) === 0x1f) while (((head[at++] ?? 0) & 0x80) !== 0);
  }
  const first = head[at] ?? 0;
  if ((first & 0x80) !== 0) return KNOWN[first & 0x7f] ?? 0;
  const index = (first & 0x40) === 0 ? first & 0x0f : first & 0x3f;
  if (index < STATUS_ALONE || index > 14) return 0;
  const length = head[at + 1] ?? 0;
  const text = head.subarray(at + 2, at + 2 + (length & 0x7f));
  return Number((length & 0x80) === 0 ? text.toString('latin1') : huffmanDigits(text));
}

/** Streams that a caller opens. */
function streamsOf(frames: readonly Buffer[]): Set<number> {
  return new Set(frames.flatMap((each) => (each[3] === HEADERS ? [each.readUInt32BE(5)] : [])));
}

const endsStream = ({ type, flags }: Seen): boolean =>
  type === RST_STREAM || ((type === HEADERS || type === DATA) && (flags & END_STREAM) !== 0);

function answerOn(stream: number, seen: readonly Seen[]): Answer[] {
  const own = seen.filter((each) => each.stream === stream);
  const status = own.filter(({ type }) => type === HEADERS).map(({ payload }) => statusOf(payload));
  const last = status.findLast((each) => each >= 200 || each === 0);
  if (last === undefined) return [];
  const body = own.flatMap(({ type, payload }) => (type === DATA ? [payload.toString('latin1')] : [])).join('');
  const isWhole = own.some((each) => each.type !== RST_STREAM && endsStream(each));
  return [{ status: last, head: '', body, isWhole }];
}

function errorsOf(seen: readonly Seen[]): string[] {
  const told = seen
    .filter(({ type }) => type === RST_STREAM || type === GOAWAY)
    .map((each) => `${each.type === GOAWAY ? 'GOAWAY' : 'reset'} ${ERRORS[codeOf(each)] ?? codeOf(each)}`);
  return [...new Set(told)].filter((each) => !each.endsWith(' NO_ERROR'));
}

/** Settles when all streams that were opened are over; streams that the caller itself resets are. */
function allOver(caller: FrameCaller, streams: ReadonlySet<number>): Promise<void> {
  return new Promise((settle) => {
    const look = (): void => {
      const over = new Set(caller.seen.filter(endsStream).map(({ stream }) => stream));
      if ([...streams].every((stream) => over.has(stream))) settle();
    };
    caller.socket.on('data', () => setImmediate(look));
    look();
  });
}

/** Until every stream is over or the connection has ended, or the bound. @param ca of who has signed the proxy's certificate */
export async function exchangeFrames(
  url: string,
  ca: Buffer,
  { settings = Buffer.alloc(0), frames }: Framed,
  boundMs: number,
): Promise<FramedExchange> {
  const caller = await openFrames(url, ca, Buffer.concat([NO_TABLE, settings]));
  const opened = streamsOf(frames);
  for (const each of frames) if (each[3] === RST_STREAM) opened.delete(each.readUInt32BE(5));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((settle) => {
    timer = setTimeout(() => settle('late'), boundMs);
  });
  caller.send(...frames);
  const over = opened.size === 0 ? caller.closed : allOver(caller, opened);
  const how = await Promise.race([caller.closed, over, late]);
  clearTimeout(timer);
  const seen = [...caller.seen];
  caller.socket.destroy();
  return {
    answers: [...streamsOf(frames)].flatMap((stream) => answerOn(stream, seen)),
    received: seen.flatMap(({ type, payload }) => (type === DATA ? [payload.toString('latin1')] : [])).join(''),
    closed: how !== 'late',
    errors: errorsOf(seen),
  };
}
