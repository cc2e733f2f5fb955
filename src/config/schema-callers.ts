// The part of the schema that is about callers: where they reach the gateway, what they may send and how often.
import { z } from 'zod';
import { CIDR, HOST_NAME, LISTEN_HOST, readCidr, readHostName, readListenHost } from './addresses.ts';
import { duration, flag, hidden, list, offOr, oneOf, section, size, text, whole } from './fields.ts';
import { connectionKeys } from './schema-bounds.ts';
import { listenTls } from './schema-tls.ts';
import type { LimitMode } from './types.ts';

const port = () => whole(0, 65_535);

export const listen = (folder: string) =>
  section({
    host: text(LISTEN_HOST, readListenHost)
      .prefault('0.0.0.0')
      .describe(
        'Address on which callers are answered; 0.0.0.0 is every IPv4 address of the machine, "::" every address.',
      ),
    port: port().prefault(8080).describe('Port of that listener; 0 lets the system choose one.'),
    trustProxy: list('addresses and ranges', text(CIDR, readCidr))
      .prefault([])
      .describe(
        'Addresses and ranges of your load balancers: X-Forwarded-For is believed from these and from nobody else.',
      ),
    proxyProtocol: flag()
      .prefault(false)
      .describe(
        'Whether every connection from these addresses begins with a PROXY header, version 1 or 2, that names the caller.',
      ),
    ...connectionKeys,
    tls: listenTls(folder)
      .optional()
      .describe('Certificates of the listener: callers speak HTTPS. Left out, TLS ends before the gateway.'),
  }).transform(({ idleTimeout: idleTimeoutMs, ...others }) => ({ ...others, idleTimeoutMs }));

const TOKEN_HASH = 'the hash of a token as `onetime-gateway admin token` prints it: sha256: and 64 hex digits';
const TOKEN_NAME = 'a name for events and logs: letters, digits, dots, hyphens and underscores, at most 64';

const adminToken = section({
  name: z
    .string({ error: TOKEN_NAME })
    .regex(/^[\w.-]{1,64}$/, { error: TOKEN_NAME })
    .describe('Whose token it is, as events show it.'),
  role: oneOf(['read', 'write']).describe('read looks, write also changes.'),
  hash: hidden(
    z
      .string({ error: TOKEN_HASH })
      .regex(/^sha256:[0-9a-f]{64}$/i, { error: TOKEN_HASH })
      .describe('The SHA-256 of the token; the token itself is not stored.'),
  ),
}).transform(({ hash, ...others }) => ({ ...others, sha256: Buffer.from(hash.slice('sha256:'.length), 'hex') }));

export const admin = section({
  host: text(LISTEN_HOST, readListenHost)
    .prefault('127.0.0.1')
    .describe('Address of the admin listener with metrics, health and the admin API. Keep it private.'),
  port: port().prefault(9464).describe('Port of the admin listener; 0 lets the system choose one.'),
  hosts: list('host names', text(HOST_NAME, readHostName))
    .prefault([])
    .describe('Host names under which the admin API is called, beside those of this machine itself.'),
  tokens: list('tokens', adminToken)
    .prefault([])
    .describe(
      'Who may use the admin API; `onetime-gateway admin token` makes one. Without any, this machine may read.',
    ),
  console: flag().prefault(true).describe("Whether the operators' page is served at / of this listener."),
});

const limitKeys = (per: string, requests: number, burst: number, mode: LimitMode = 'enforce') => ({
  per: duration().prefault(per).describe('The time over which requests are counted.'),
  requests: whole(1).prefault(requests).describe('Requests allowed in that time.'),
  burst: whole(1).prefault(burst).describe('How many of them may come at once.'),
  mode: oneOf(['enforce', 'shadow', 'off'])
    .prefault(mode)
    .describe('enforce refuses, shadow only counts, off does nothing.'),
});

const limit = (doc: string, ...keys: Parameters<typeof limitKeys>) =>
  section(limitKeys(...keys))
    .transform(({ per: perMs, ...others }) => ({ perMs, ...others }))
    .prefault({})
    .describe(doc);

const anonymousRetrieval = section({
  ...limitKeys('60s', 60, 20),
  missCost: whole(1).prefault(3).describe('How many requests a wrong key counts for.'),
  ipv6Prefix: whole(32, 128).prefault(64).describe('IPv6 clients count as one by this many bits.'),
}).transform(({ per: perMs, ...others }) => ({ perMs, ...others }));

export const limits = section({
  anonymousRetrieval: anonymousRetrieval.prefault({}).describe('Retrieval without credentials, by client address.'),
  perKey: limit('Attempts on one key, by anyone.', '60s', 10, 10),
  failedAuth: limit(
    'Failed authentications, by client address and by account. Good credentials are exempt.',
    '10m',
    10,
    10,
  ),
  account: limit('Calls with the same credentials.', '60s', 600, 100),
  regionBudget: limit(
    'Calls without credentials that reach one region, by all together. In shadow, since one client could use it up.',
    '20m',
    800,
    800,
    'shadow',
  ),
});

export const reference = section({
  openapi: flag().prefault(true).describe('Whether GET /openapi.json tells tools of the API.'),
  docs: flag().prefault(true).describe('Whether GET /docs tells people, as a page.'),
});

const replayKeys = {
  keep: duration().prefault('5m').describe('How long an answer is kept for a repeat.'),
  maxBytes: size().prefault('64MiB').describe('How much is kept in memory; the oldest answers go first.'),
  shared: flag()
    .prefault(true)
    .describe('Whether answers are kept in the store, for all gateways, where it is a server.'),
};

export const replay = offOr(
  Object.keys(replayKeys),
  section(replayKeys).transform(({ keep: keepMs, ...others }) => ({ keepMs, ...others })),
);
