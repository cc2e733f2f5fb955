// A reader of HTTP/1.1 that knows RFC 9112 alone and repairs nothing: what it does not take may not be sent anywhere, and
// what it takes has one meaning. It shares no code with the gateway, nor with Node's parser.

export interface Message {
  /** The first line. */
  readonly line: string;
  /** Names in lower case, values without the white space around them. */
  readonly headers: readonly (readonly [string, string])[];
  /** In latin1, as all text here. */
  readonly body: string;
  /** Where the next one begins. */
  readonly end: number;
}

export type Read = Message | 'incomplete' | 'malformed';

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** RFC 9112, 3: spaces may be more than one, which is no harm: what is sent on is made anew. */
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) +([\x21-\x7e\x80-\xff]+) +HTTP\/1\.[01]$/;
/** Nobody reads the reason, and it goes no further: whatever stands there, also a bare CR. The version neither. */
const STATUS_LINE = /^HTTP\/(?:0\.9|1\.[01]|2\.0) ([1-9]\d\d)(?: [^\n]*)?$/;
const CHUNK_HEAD = /^([0-9A-Fa-f]{1,12})[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?$/;

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

function readChunks(text: string, from: number): { body: string; end: number } | 'incomplete' | 'malformed' {
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
      return typeof trailer === 'string' ? trailer : { body, end: trailer.end };
    }
    if (text.length < at + size + 2) return 'incomplete';
    if (text.slice(at + size, at + size + 2) !== '\r\n') return 'malformed';
    body += text.slice(at, at + size);
    at += size + 2;
  }
}

/** RFC 9112, 6.3. @param otherwise the length where none is given; undefined: it cannot be known */
function readBody(
  text: string,
  at: number,
  fields: readonly (readonly [string, string])[],
  otherwise: number | undefined,
) {
  const lengths = fields.filter(([name]) => name === 'content-length');
  const codings = fields.filter(([name]) => name === 'transfer-encoding');
  if (codings.length > 0) {
    const all = codings.map(([, coding]) => coding.toLowerCase());
    // Of a request chunked alone is taken. An answer ends where its chunks do, whatever else was done to it before.
    const chunked = otherwise === undefined ? /^(.*,[ \t]*)?chunked$/.test(all.join(',')) : all.join() === 'chunked';
    return chunked && lengths.length === 0 ? readChunks(text, at) : 'malformed';
  }
  const given = lengths[0]?.[1];
  if (lengths.length > 1 || (given !== undefined && !/^\d{1,15}$/.test(given))) return 'malformed';
  const length = given === undefined ? otherwise : Number(given);
  if (length === undefined) return 'malformed';
  return text.length < at + length ? 'incomplete' : { body: text.slice(at, at + length), end: at + length };
}

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
  const otherwise = lengthOf(line);
  const body = otherwise === 'none' ? { body: '', end } : readBody(text, end, headers, otherwise);
  return typeof body === 'string' ? body : { line, headers, ...body };
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
    while (text[at] === '\r' || text[at] === '\n') at++;
    const read = readMessage(text, at, STATUS_LINE, (line) => (without(line) ? 'none' : undefined));
    if (typeof read === 'string') return read;
    const status = statusOf(read.line);
    if (status >= 200) return { ...read, status };
    at = read.end;
  }
}

/** @returns the value of the only header of that name; undefined where there is none, or more */
export function headerOf({ headers }: Pick<Message, 'headers'>, name: string): string | undefined {
  const values = headers.filter(([each]) => each === name);
  return values.length === 1 ? values[0]?.[1] : undefined;
}
