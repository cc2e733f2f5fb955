// The part of the schema that is about callers: where they reach the gateway, what they may send and how often.
import { CIDR, LISTEN_HOST, readCidr, readListenHost } from './addresses.ts';
import { duration, list, offOr, oneOf, section, size, text, whole } from './fields.ts';
import type { LimitMode } from './types.ts';

const port = () => whole(0, 65_535);

export const listen = section({
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
});

export const admin = section({
  host: text(LISTEN_HOST, readListenHost)
    .prefault('127.0.0.1')
    .describe('Address of the admin listener with metrics and health. It knows no passwords: keep it private.'),
  port: port().prefault(9464).describe('Port of the admin listener; 0 lets the system choose one.'),
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

export const request = section({
  bodyLimit: size().prefault('2MiB').describe('Larger bodies of callers are refused.'),
  timeout: duration().prefault('30s').describe('How long a caller may take to send a request.'),
}).transform(({ bodyLimit, timeout }) => ({ bodyLimitBytes: bodyLimit, timeoutMs: timeout }));

const replayKeys = {
  keep: duration().prefault('5m').describe('How long an answer is kept for a repeat.'),
  maxBytes: size().prefault('64MiB').describe('How much is kept in all; the oldest answers go first.'),
};

export const replay = offOr(
  Object.keys(replayKeys),
  section(replayKeys).transform(({ keep: keepMs, maxBytes }) => ({ keepMs, maxBytes })),
);
