// One question to the account directory of an organisation: GET url?account=NAME. The only file outside region/ that
// opens connections, and it opens them to the configured host alone.
import { createRequire } from 'node:module';
import type { Dispatcher } from 'undici';
import type { Locality } from '../domain.ts';
import { parseAnswer, type SourceAnswer, SourceError } from './source-answer.ts';

export interface SourceClientOptions {
  /** https, or http to this machine. A query of its own is kept. */
  readonly url: string;
  /** Sent as bearer token (RFC 6750). */
  readonly token: string | undefined;
  /** For the connection; the question itself ends with its signal. */
  readonly timeoutMs: number;
  readonly regions: ReadonlySet<string>;
  readonly connections: number;
}

export interface SourceClient {
  /**
   * Asks once; redirects are not followed and nothing is tried again.
   * @param account normalised name
   * @param signal ends the question
   * @throws SourceError, soon after `signal` at the latest
   */
  ask(account: string, signal: AbortSignal): Promise<SourceAnswer>;
  /** Cuts the questions that are under way. */
  close(): Promise<void>;
}

const BODY_LIMIT_BYTES = 64 * 1024;
/** Shorter than servers keep connections: a question on one that is just closing fails. */
const IDLE_MS = 2000;

/** @throws TypeError for a URL or token that cannot be used; the message holds neither */
export function createSourceClient(options: SourceClientOptions): SourceClient {
  const { token, timeoutMs, regions, connections } = options;
  const { origin, path } = readSourceUrl(options.url);
  const headers = headersOf(token);
  // Here, since the whole of undici takes a tenth of the start, and most gateways have no source.
  const { Pool } = createRequire(import.meta.url)('undici') as typeof import('undici');
  const pool = new Pool(origin, {
    connections,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    // Said here so that NODE_TLS_REJECT_UNAUTHORIZED cannot say otherwise.
    connect: { timeout: timeoutMs, rejectUnauthorized: true },
  });
  let closed = false;

  async function exchange(account: string, signal: AbortSignal): Promise<SourceAnswer> {
    const target = `${path}account=${encodeURIComponent(account)}`;
    const { statusCode, body } = await pool.request({ method: 'GET', path: target, headers, signal });
    if (statusCode === 200) return { kind: 'found', value: await readLocality(body, regions) };
    // Read to its end, so that the connection can be used again; cut where it is long.
    await body.dump({ limit: BODY_LIMIT_BYTES, signal });
    if (statusCode === 404) return { kind: 'missing' };
    throw new SourceError('status', `the account directory answered ${statusCode}`);
  }

  return {
    async ask(account, signal) {
      if (closed) throw closedError();
      if (!account.isWellFormed()) throw new SourceError('unaskable', 'the name is no well-formed text');
      try {
        return await exchange(account, signal);
      } catch (error) {
        if (error instanceof SourceError) throw error;
        if (closed) throw closedError();
        throw signal.aborted ? timeoutError() : faultOf(error);
      }
    },
    async close() {
      closed = true;
      await pool.destroy();
    },
  };
}

async function readLocality(body: Dispatcher.ResponseData['body'], regions: ReadonlySet<string>): Promise<Locality> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    // Leaving the loop cuts the connection.
    if (bytes > BODY_LIMIT_BYTES) throw new SourceError('too_large', 'the account directory’s answer is over 64 KiB');
    chunks.push(chunk);
  }
  return parseAnswer(Buffer.concat(chunks), regions);
}

/**
 * @returns the origin, and the path with its query and the `?` or `&` to which a parameter can be added
 * @throws TypeError
 */
export function readSourceUrl(text: string): { readonly origin: string; readonly path: string } {
  const url = URL.parse(text);
  if (url === null) throw new TypeError('the account directory’s URL is none');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    throw new TypeError('the account directory must be asked over https, or over http on this machine');
  }
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    throw new TypeError('the account directory’s URL takes no credentials and no fragment');
  }
  if (url.searchParams.has('account')) throw new TypeError('the account directory’s URL names an account already');
  return { origin: url.origin, path: url.search === '' ? `${url.pathname}?` : `${url.pathname}${url.search}&` };
}

/** @param hostname as `URL` gives it: canonical, IPv6 in brackets */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function headersOf(token: string | undefined): Record<string, string> {
  const headers = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'onetime-gateway' };
  if (token === undefined) return headers;
  if (!/^[\x21-\x7e]+$/.test(token)) throw new TypeError('the account directory’s token cannot stand in a header');
  return { ...headers, authorization: `Bearer ${token}` };
}

function timeoutError(): SourceError {
  return new SourceError('timeout', 'the account directory did not answer in time');
}

function closedError(): SourceError {
  return new SourceError('closed', 'the gateway is closing');
}

/** Errors of undici and TLS hold addresses, certificates and paths: only their code goes on. */
function faultOf(error: unknown): SourceError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (/^UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT$/.test(code)) return timeoutError();
  const known = /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? code : 'no code';
  return new SourceError('unreachable', `the account directory could not be asked (${known})`);
}
