// Parameters as Rack reads them: query first, body over it; names like `secret[ttl]` and `recipient[]` nest.
import { isUtf8 } from 'node:buffer';
import { parseMultipart } from './multipart.ts';

export type Param = string | number | boolean | null | Param[] | Params;
export interface Params {
  [name: string]: Param | undefined;
}

/** What the service answers to parameters that it cannot read; never a refusal of the application. */
export type Unreadable = 'malformed' | 'malformed_json';

/** Rack nests no deeper. */
const DEEPEST = 32;

/** More urlencoded bytes than this are not parsed (case 056-share-anon-6MB). */
const URLENCODED_LIMIT_BYTES = 4 * 1024 * 1024;

export class UnreadableError extends Error {
  readonly reason: Unreadable;
  constructor(reason: Unreadable) {
    super(reason);
    this.reason = reason;
  }
}

/** JSON is read by v2 and by 0.26; 0.20's v1 ignores it silently (case 041-share-json-body). */
export function parseParams(
  query: string,
  contentType: string | undefined,
  method: string,
  body: Buffer,
  readsJson: boolean,
): Params {
  const params: Params = Object.create(null);
  if (query !== '') parseUrlencoded(query, params);
  if (body.length === 0) return params;
  const mediaType = contentType?.split(/[;,]/, 1)[0]?.trim().toLowerCase() ?? '';
  // Without a type, a POST is taken for a form (case 032-share-anon-nocontenttype); text/plain is not (case 130).
  if (mediaType === 'application/x-www-form-urlencoded' || (contentType === undefined && method === 'POST')) {
    if (body.length > URLENCODED_LIMIT_BYTES) throw new UnreadableError('malformed');
    parseUrlencoded(body.toString('latin1'), params);
  } else if (mediaType === 'multipart/form-data') {
    for (const [name, value] of parseMultipart(contentType ?? '', body)) put(params, name, bytesToText(value));
  } else if (readsJson && mediaType === 'application/json') {
    mergeJson(body, params);
  }
  return params;
}

function mergeJson(body: Buffer, params: Params): void {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    throw new UnreadableError('malformed_json');
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) Object.assign(params, parsed);
}

function parseUrlencoded(text: string, params: Params): void {
  const later: Params = Object.create(null);
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeComponent(equals < 0 ? pair : pair.slice(0, equals));
    put(later, name, equals < 0 ? null : decodeComponent(pair.slice(equals + 1)));
  }
  // The body replaces a whole parameter of the query, nested or not (case 132-secret-query-wrong-body-right).
  for (const name in later) params[name] = later[name];
}

/** `text` holds one byte a character. Throws for a percent sign without two digits (case 053-share-invalid-percent). */
export function decodeComponent(text: string): string {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw new UnreadableError('malformed');
  const plain = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!/[%\x80-\xff]/.test(plain)) return plain;
  const bytes = plain.replaceAll(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  return bytesToText(Buffer.from(bytes, 'latin1'));
}

/**
 * UTF-8, or, where the bytes are not that, each high byte as a lone surrogate: such text is not well-formed, which is how
 * the rest of the twin knows it (case 145-secret-invalid-utf8-value).
 */
export function bytesToText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte);
  return text;
}

function isParams(value: Param | undefined): value is Params {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Rack's nesting; a name used both ways is an error of the request as a whole. */
function put(params: Params, name: string, value: Param, depth = 0): void {
  if (depth > DEEPEST) throw new UnreadableError('malformed');
  const bracket = name.indexOf('[', 1);
  if (bracket < 0) {
    params[name] = value;
    return;
  }
  const head = name.slice(0, bracket);
  const rest = name.slice(bracket);
  const end = rest.indexOf(']');
  if (end < 0) {
    params[name] = value;
    return;
  }
  const inner = rest.slice(1, end);
  const deeper = rest.slice(end + 1);
  const current = params[head];
  if (inner === '') {
    const list = current ?? [];
    if (!Array.isArray(list)) throw new UnreadableError('malformed');
    list.push(value);
    params[head] = list;
    return;
  }
  const nested: Param = current ?? (Object.create(null) as Params);
  if (!isParams(nested)) throw new UnreadableError('malformed');
  params[head] = nested;
  put(nested, inner + deeper, value, depth + 1);
}

/** Ruby's `to_s` for what a parameter may be; a missing one is empty. */
export function asText(value: Param | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
