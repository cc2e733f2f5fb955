// Answers, and the bodies that v1 and v2 share.

export type HeaderList = readonly (readonly [string, string])[];

export interface Answer {
  readonly status: number;
  /** Exactly as sent. Its name is lower case where a middleware of 0.20 answers (case 261-v2-conceal-malformed-json). */
  readonly contentType: string;
  readonly contentTypeName?: 'content-type';
  readonly body: string;
  /** Sent after Content-Type. */
  readonly headers?: HeaderList;
  /** The HTTP server's own refusal: no Content-Length, and the connection ends. */
  readonly closes?: true;
}

const JSON_UTF8 = 'application/json; charset=utf-8';
const JSON_BARE = 'application/json';

export function json(status: number, body: unknown, headers?: HeaderList): Answer {
  const answer = { status, contentType: JSON_UTF8, body: JSON.stringify(body) };
  return headers === undefined ? answer : { ...answer, headers };
}

/** The same answer with more headers. */
export function withHeaders(answer: Answer, headers: HeaderList): Answer {
  return headers.length === 0 ? answer : { ...answer, headers: [...(answer.headers ?? []), ...headers] };
}

/** No such route or method in v1 (case 005-status-post). */
export const NO_ROUTE_V1: Answer = { status: 404, contentType: JSON_BARE, body: '{"error":"Not Found"}' };

/** No such route or method in v2 (case 299-v2-unknown-path). */
export const NO_ROUTE_V2: Answer = { status: 404, contentType: JSON_BARE, body: '{"message":"Not Found"}' };

/** The HTTP server cannot read the request (cases 107, 112, 241). */
export const BAD_REQUEST: Answer = { status: 400, contentType: 'text/plain', body: 'Bad Request', closes: true };

/** Parameters that cannot be read, too many bytes, bytes in the path that are not UTF-8 (cases 053, 056, 113). */
export const INTERNAL_ERROR: Answer = {
  status: 500,
  contentType: JSON_BARE,
  body: '{"error":"Internal Server Error"}',
};

/** A NUL in the path (case 111-secret-nul-key). */
export const INTERNAL_ERROR_TEXT: Answer = { status: 500, contentType: 'text/plain', body: 'Internal server error' };

/** Case 261-v2-conceal-malformed-json. */
export const BAD_JSON: Answer = {
  status: 400,
  contentType: JSON_BARE,
  contentTypeName: 'content-type',
  body: '{"error":"Failed to parse body as JSON"}',
};

export function unknownSecret(key: string): Answer {
  return json(404, { secret_key: key, message: 'Unknown secret' });
}

/** A session cookie for 20 minutes (case 225-cookie-unknown-sess-status). */
export function sessionCookie(token: string, nowMs: number): HeaderList {
  const expires = new Date(nowMs + 20 * 60 * 1000).toUTCString();
  return [['Set-Cookie', `sess=${token}; path=/; expires=${expires}; secure`]];
}

/** A `locale` parameter becomes a cookie for 30 days (case 009-status-locale-param). */
export function localeCookie(locale: string, nowMs: number): HeaderList {
  const expires = new Date(nowMs + 30 * 24 * 3600 * 1000).toUTCString();
  return [['Set-Cookie', `locale=${encodeURIComponent(locale)}; path=/; expires=${expires}; secure`]];
}
