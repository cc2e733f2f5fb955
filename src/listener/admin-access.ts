// Who may ask the admin API, and with what rights. Everything here is decided on the head of a request alone.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';
import { Problem } from './admin-problem.ts';
import { createThrottle } from './admin-throttle.ts';

export type Role = 'read' | 'write';

/** As configured: a token is kept as its hash alone. */
export interface AdminToken {
  /** For events and the log; not a secret. */
  readonly name: string;
  /** SHA-256 of the token, 32 bytes. Tokens are long and random, so a plain hash tells nothing of them. */
  readonly sha256: Buffer;
  readonly role: Role;
}

export interface AccessOptions {
  /** These and `hosts` are read whenever they are needed: a reload changes them. */
  readonly tokens: readonly AdminToken[];
  /** Names by which this listener may be called, beside loopback. A port in them does not count. */
  readonly hosts: readonly string[];
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets: who has to wait must not wait for hours. Left out: that one. */
  readonly steady?: (() => number) | undefined;
  /** Left out: the socket's. */
  readonly peerAddress?: ((request: IncomingMessage) => string) | undefined;
}

/** Who asks. */
export interface Visitor {
  /** `token:NAME`, or `loopback` where no tokens are configured. */
  readonly actor: string;
  readonly role: Role;
}

export interface Access {
  /** As `checkWay`, but for who opens a page: by a link of any other. @throws Problem */
  checkHost(request: IncomingMessage): void;
  /** @throws Problem when the request came by a way that it must not come by: Host, Origin, doubled headers */
  checkWay(request: IncomingMessage): void;
  /** @throws Problem when nothing tells that this caller may ask */
  identify(request: IncomingMessage): Visitor;
  /** @throws Problem when this caller may only read */
  checkChange(visitor: Visitor): void;
}

/** Node would silently take the first of two. */
const SINGLE = new Set(['host', 'authorization', 'origin']);
/** What a proxy adds. A caller behind a proxy on this machine is not on this machine. */
const PROXIED = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'] as const;
const CHALLENGE = { 'www-authenticate': 'Bearer realm="onetime-gateway admin"' };
const MAKE_ONE = 'Make a token with `onetime-gateway admin token`, and put the line that it prints under admin.tokens.';

/** @returns the checks of the admin API; state: who tried wrong tokens lately */
export function createAccess(options: AccessOptions): Access {
  const { now, steady = now, peerAddress = socketAddress } = options;
  const throttle = createThrottle(steady);

  function visitorOf(token: string): Visitor | undefined {
    const presented = createHash('sha256').update(token).digest();
    let found: Visitor | undefined;
    // Every token is compared, whichever fits: how long it takes tells nothing.
    for (const { name, sha256, role } of options.tokens) {
      if (timingSafeEqual(sha256, presented)) found = { actor: `token:${name}`, role };
    }
    return found;
  }

  function withToken(authorization: string | undefined, peer: string): Visitor {
    const bounded = !isLoopback(peer);
    const waitMs = bounded ? throttle.waitMs(peer) : 0;
    if (waitMs > 0) {
      throw new Problem('too_many_attempts', { headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) } });
    }
    if (authorization === undefined) throw new Problem('token_required', { headers: CHALLENGE });
    const token = /^bearer +(\S+)$/i.exec(authorization)?.[1];
    const visitor = token === undefined ? undefined : visitorOf(token);
    if (visitor !== undefined) return visitor;
    if (bounded) throttle.failed(peer);
    throw new Problem('token_unknown', { headers: CHALLENGE });
  }

  function checkHost(request: IncomingMessage): void {
    checkForm(request);
    const host = bareHost(request.headers.host ?? '');
    if (isLoopbackHost(host) || options.hosts.some((name) => bareHost(name) === host)) return;
    throw new Problem('host_unknown', { hint: 'List the name by which you call this listener under admin.hosts.' });
  }

  return {
    checkHost,
    checkWay(request) {
      checkHost(request);
      checkOrigin(request, request.headers.host ?? '');
    },
    identify(request) {
      const peer = canonical(peerAddress(request));
      if (options.tokens.length > 0) return withToken(request.headers.authorization, peer);
      const direct = PROXIED.every((name) => request.headers[name] === undefined);
      if (isLoopback(peer) && direct) return { actor: 'loopback', role: 'read' };
      throw new Problem('tokens_not_configured', { hint: MAKE_ONE });
    },
    checkChange({ role }) {
      if (role === 'write') return;
      if (options.tokens.length === 0) throw new Problem('tokens_not_configured', { hint: MAKE_ONE });
      throw new Problem('role_insufficient', { hint: 'Use a token with role write.' });
    },
  };
}

/** One of each header that decides, and a path as target: a target with a host of its own would overrule Host. */
function checkForm({ rawHeaders, url = '' }: IncomingMessage): void {
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    if (!SINGLE.has(name)) continue;
    if (seen.has(name)) throw new Problem('request_malformed', { hint: `Send one ${name} header.` });
    seen.add(name);
  }
  if (!url.startsWith('/')) throw new Problem('request_malformed', { hint: 'Send a path as the target.' });
}

/** A browser says which page made a request. Only pages of this very listener may. */
function checkOrigin({ headers }: IncomingMessage, host: string): void {
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw new Problem('origin_refused');
  if (origin === undefined) return;
  // TLS may end before this listener, so the scheme is the page's.
  const page = URL.parse(origin);
  const own = page === null ? null : URL.parse(`${page.protocol}//${host}`);
  if (page === null || own === null || page.host === '' || page.host !== own.host) throw new Problem('origin_refused');
}

/** A Host header or a configured name: without port, brackets and root dot, in lower case. */
function bareHost(value: string): string {
  if (isIPv6(value)) return value.toLowerCase();
  const bracketed = /^\[(.*)\](?::\d*)?$/.exec(value)?.[1];
  const host = bracketed ?? value.replace(/:\d*$/, '');
  return (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase();
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || isLoopback(host);
}

function isLoopback(address: string): boolean {
  return address === '::1' || (isIPv4(address) && address.startsWith('127.'));
}

/** An IPv4 peer of an IPv6 socket is an IPv4 peer. */
function canonical(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

function socketAddress({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? '';
}
