// A reader of HTTP/1.1 that knows RFC 9112 alone and repairs nothing: what it does not take may not be sent anywhere, and
// what it takes has one meaning. It shares no code with the gateway, nor with Node's parser.

type Fields = readonly (readonly [string, string])[];

export interface Message {
  /** The first line. */
  readonly line: string;
  /** Names in lower case, values without the white space around them. */
  readonly headers: Fields;
  /** Behind the last chunk. */
  readonly trailer: Fields;
  /** In latin1, as all text here. */
  readonly body: string;
  readonly start: number;
  /** Where the next one begins. */
  readonly end: number;
}

export type Read = Message | 'incomplete' | 'malformed';

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** RFC 9112, 3: spaces may be more than one, which is no harm: what is sent on is made anew. */
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) +([\x21-\x7e\x80-\xff]+) +HTTP\/1\.[01]$/;
/** RFC 9112, 4, and one thing more: where the reason is left out, the space before it may be, too. */
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const CHUNK_HEAD = /^([0-9A-Fa-f]{1,13})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/;

const lineAt = (text: string, at: number): string | undefined => {
  const end = text.indexOf('\r\n', at);
  return end === -1 ? undefined : text.slice(at, end);
};

/** Without the white space of HTTP around it; by hand, since expressions for it take the square of its length. */
function trimmed(value: string): string {
  let [start, end] = [0, value.length];
  while (value[start] === ' ' || value[start] === '\t') start++;
  while (end > start && (value[end - 1] === ' ' || value[end - 1] === '\t')) end--;
  return value.slice(start, end);
}

/** Lines of fields up to the empty one. */
function readFields(
  text: string,
  from: number,
): { fields: [string, string][]; end: number } | 'incomplete' | 'malformed' {
  const fields: [string, string][] = [];
  for (let at = from; ; ) {
    const line = lineAt(text, at);
    if (line === undefined) return 'incomplete';
    at += line.length + 2;
    if (line === '') return { fields, end: at };
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1)];
    if (colon === -1 || !NAME.test(name) || !VALUE.test(value)) return 'malformed';
    fields.push([name.toLowerCase(), trimmed(value)]);
  }
}

type Body = Pick<Message, 'body' | 'trailer' | 'end'>;

function readChunks(text: string, from: number): Body | 'incomplete' | 'malformed' {
  let body = '';
  for (let at = from; ; ) {
    const line = lineAt(text, at);
    if (line === undefined) return 'incomplete';
    const digits = CHUNK_HEAD.exec(line)?.[1];
    if (digits === undefined) return 'malformed';
    const size = Number.parseInt(digits, 16);
    at += line.length + 2;
    if (size === 0) {
      const trailer = readFields(text, at);
      return typeof trailer === 'string' ? trailer : { body, trailer: trailer.fields, end: trailer.end };
    }
    if (text.length < at + size + 2) return 'incomplete';
    if (text.slice(at + size, at + size + 2) !== '\r\n') return 'malformed';
    body += text.slice(at, at + size);
    at += size + 2;
  }
}

/** What is said of how long a body is, in one way and no other: chunks, its bytes, or nothing. RFC 9112, 6.3. */
function readFraming(fields: Fields): 'chunks' | number | undefined | 'malformed' {
  const said = fields.filter(([name]) => name === 'content-length' || name === 'transfer-encoding');
  const [only, ...more] = said;
  if (only === undefined) return undefined;
  if (more.length > 0) return 'malformed';
  const [name, value] = only;
  if (name === 'transfer-encoding') return value.toLowerCase() === 'chunked' ? 'chunks' : 'malformed';
  return /^\d{1,15}$/.test(value) ? Number(value) : 'malformed';
}

function readBody(text: string, at: number, length: 'chunks' | number | undefined): Body | 'incomplete' | 'malformed' {
  if (length === 'chunks') return readChunks(text, at);
  if (length === undefined) return 'malformed';
  if (text.length < at + length) return 'incomplete';
  return { body: text.slice(at, at + length), trailer: [], end: at + length };
}

/** @param lengthOf how long a body is where it is not said (undefined: nobody can know), or that there is none in any case */
function readMessage(
  text: string,
  at: number,
  isLine: RegExp,
  lengthOf: (line: string) => number | undefined | 'none',
): Read {
  const line = lineAt(text, at);
  if (line === undefined) return 'incomplete';
  if (!isLine.test(line)) return 'malformed';
  const head = readFields(text, at + line.length + 2);
  if (typeof head === 'string') return head;
  const { fields: headers, end } = head;
  const said = readFraming(headers);
  if (said === 'malformed') return said;
  const otherwise = lengthOf(line);
  const body =
    otherwise === 'none' ? { body: '', trailer: [], end } : readBody(text, end, said === undefined ? otherwise : said);
  return typeof body === 'string' ? body : { line, headers, start: at, ...body };
}

export interface ReadRequest extends Message {
  readonly method: string;
  readonly target: string;
}

export interface ReadRequests {
  /** At the beginning of what was sent, up to the first that is none, or not whole. */
  readonly requests: readonly ReadRequest[];
  /** All from there on. */
  readonly rest: string;
}

export function readRequests(text: string): ReadRequests {
  const requests: ReadRequest[] = [];
  let at = 0;
  while (at < text.length) {
    // RFC 9112, 2.2: empty lines before a request are passed over. Nothing stands in them, however they end.
    while (text[at] === '\r' || text[at] === '\n') at++;
    const read = readMessage(text, at, REQUEST_LINE, () => 0);
    if (typeof read === 'string') break;
    const [, method = '', target = ''] = REQUEST_LINE.exec(read.line) ?? [];
    requests.push({ ...read, method, target });
    at = read.end;
  }
  return { requests, rest: text.slice(at) };
}

export interface ReadAnswer extends Message {
  readonly status: number;
}

/**
 * One answer, past those of 1xx before it.
 * @param isHead whether it was asked for with HEAD
 */
export function readAnswer(text: string, from: number, isHead: boolean): ReadAnswer | 'incomplete' | 'malformed' {
  for (let at = from; ; ) {
    const statusOf = (line: string): number => Number(STATUS_LINE.exec(line)?.[1]);
    const without = (line: string): boolean => isHead || statusOf(line) < 200 || [204, 304].includes(statusOf(line));
    const read = readMessage(text, at, STATUS_LINE, (line) => (without(line) ? 'none' : undefined));
    if (typeof read === 'string') return read;
    const status = statusOf(read.line);
    // RFC 9112, 6.1: HTTP/1.0 has no codings. RFC 9110, 6.5.1: behind a body it is too late to say how long it is.
    const isCoded = read.headers.some(([name]) => name === 'transfer-encoding');
    const isLate = read.trailer.some(([name]) => name === 'transfer-encoding' || name === 'content-length');
    if (status === 101 || isLate || (isCoded && read.line.startsWith('HTTP/1.0'))) return 'malformed';
    if (status >= 200) return { ...read, status };
    at = read.end;
  }
}

/** @returns the value of the only header of that name; undefined where there is none, or more */
export function headerOf({ headers }: Pick<Message, 'headers'>, name: string): string | undefined {
  const values = headers.filter(([each]) => each === name);
  return values.length === 1 ? values[0]?.[1] : undefined;
}
