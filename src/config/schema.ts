// The shape of the configuration file: every key, its default and its documentation. What one key says of another
// is in checks.ts; the shape of the result in types.ts.
import { z } from 'zod';
import type { RegionName } from '../domain.ts';
import {
  CIDR,
  GATEWAY_URL,
  HOST_NAME,
  LISTEN_HOST,
  readCidr,
  readGatewayUrl,
  readHostName,
  readListenHost,
  readUpstream,
  UPSTREAM,
} from './addresses.ts';
import {
  byRegion,
  duration,
  flag,
  list,
  oneOf,
  regionRef,
  section,
  size,
  text,
  whole,
  wordOrRegion,
} from './fields.ts';
import { ACCOUNT, DOMAIN, readAccount, readDomain } from './names.ts';
import type { AccountRule, RegionConfig, UnknownAccount } from './types.ts';

export { RESERVED_SEGMENTS } from './names.ts';
export type * from './types.ts';

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

const region = section({
  upstreams: list('upstreams, at least one', text(UPSTREAM, readUpstream), 1).describe(
    'Origins of the data centre. The first is used; the next ones when no connection to it can be opened.',
  ),
  hosts: list('host names', text(HOST_NAME, readHostName))
    .prefault([])
    .describe('Host names of this gateway by which callers choose the region.'),
});

const regions = byRegion('its upstreams', region, 1)
  .transform((map) =>
    Object.entries(map).map(([name, facts]): RegionConfig => ({ name: name as RegionName, ...facts })),
  )
  .describe('The data centres by name. The only key without a default.');

const rule = (names: readonly string[]) =>
  section({
    account: text(ACCOUNT, readAccount).optional().describe('The account of this name (either account or domain).'),
    domain: text(DOMAIN, readDomain).optional().describe('All accounts of this mail domain, without subdomains.'),
    region: regionRef(names).describe('The region where they live.'),
    pinned: flag().prefault(true).describe('Whether their requests may reach their own regions only.'),
    also: list('regions', regionRef(names))
      .prefault([])
      .describe('Other regions where they have an account too, which their calls may name.'),
  }).transform(({ account, domain = '', also, ...facts }): AccountRule => {
    // that exactly one of the two is given is checked in checks.ts
    return { ...(account === undefined ? { domain } : { account }), ...facts, also: [...new Set(also)] };
  });

const accounts = (names: readonly string[]) =>
  section({
    unknown: wordOrRegion(['refuse', 'named'], names)
      .transform(readUnknown)
      .prefault('refuse')
      .describe(
        'Accounts without a rule: refuse them, send them where the caller names a region (named), or to a region.',
      ),
    rules: list('rules', rule(names)).prefault([]).describe('Where accounts live. The first rule that matches wins.'),
  });

function readUnknown(word: string): UnknownAccount {
  return word === 'refuse' || word === 'named' ? { kind: word } : { kind: 'region', region: word as RegionName };
}

const anonymous = (names: readonly string[]) => {
  const target = (doc: string) =>
    wordOrRegion(['refuse'], names)
      .transform((word) => (word === 'refuse' ? undefined : (word as RegionName)))
      .prefault('refuse')
      .describe(doc);
  return section({
    create: target('Region for secrets created without credentials when the caller names none, or refuse.'),
    retrieve: target(
      'Region asked for secrets retrieved without credentials when nothing else locates them, or refuse.',
    ),
  });
};

const limitKeys = (per: string, requests: number, burst: number) => ({
  per: duration().prefault(per).describe('The time over which requests are counted.'),
  requests: whole(1).prefault(requests).describe('Requests allowed in that time.'),
  burst: whole(1).prefault(burst).describe('How many of them may come at once.'),
  mode: oneOf(['enforce', 'shadow', 'off'])
    .prefault('enforce')
    .describe('enforce refuses, shadow only counts, off does nothing.'),
});

const limit = (doc: string, per: string, requests: number, burst: number) =>
  section(limitKeys(per, requests, burst))
    .transform(({ per: perMs, ...others }) => ({ perMs, ...others }))
    .prefault({})
    .describe(doc);

const anonymousRetrieval = section({
  ...limitKeys('60s', 60, 20),
  missCost: whole(1).prefault(3).describe('How many requests a wrong key counts for.'),
  ipv6Prefix: whole(32, 128).prefault(64).describe('IPv6 clients count as one by this many bits.'),
}).transform(({ per: perMs, ...others }) => ({ perMs, ...others }));

const limits = section({
  anonymousRetrieval: anonymousRetrieval.prefault({}).describe('Retrieval without credentials, by client address.'),
  perKey: limit('Attempts on one key, by anyone.', '60s', 10, 10),
  failedAuth: limit(
    'Failed authentications, by client address and by account. Good credentials are exempt.',
    '10m',
    10,
    10,
  ),
  account: limit('Calls with credentials, by account.', '60s', 600, 100),
});

const upstream = section({
  connectTimeout: duration().prefault('3s').describe('How long opening a connection may take.'),
  headersTimeout: duration().prefault('15s').describe('How long the region may take to begin its answer.'),
  bodyTimeout: duration().prefault('15s').describe('How long the region may pause within its answer.'),
  idleTimeout: duration()
    .prefault('4s')
    .describe('How long an unused connection is kept; keep it below the time of the region.'),
  connections: whole(1).prefault(256).describe('Connections to one upstream at most.'),
  forwardClientAddress: flag()
    .prefault(true)
    .describe('Whether regions are told the address of the client (X-Forwarded-For).'),
}).transform(({ connectTimeout, headersTimeout, bodyTimeout, idleTimeout, ...others }) => ({
  connectTimeoutMs: connectTimeout,
  headersTimeoutMs: headersTimeout,
  bodyTimeoutMs: bodyTimeout,
  idleTimeoutMs: idleTimeout,
  ...others,
}));

const request = section({
  bodyLimit: size().prefault('2MiB').describe('Larger bodies of callers are refused.'),
  timeout: duration().prefault('30s').describe('How long a caller may take to send a request.'),
}).transform(({ bodyLimit, timeout }) => ({ bodyLimitBytes: bodyLimit, timeoutMs: timeout }));

const self = (names: readonly string[]) =>
  section({
    region: z
      // the environment has no null: empty stands for it
      .preprocess((name) => (name === '' || name === 'null' ? null : name), regionRef(names).nullable())
      .transform((name) => name ?? undefined)
      .prefault(null)
      .describe(
        'The only region that this gateway serves; calls for others are answered 421 with the URL of theirs. null: all.',
      ),
    gateways: byRegion("its gateway's URL", text(GATEWAY_URL, readGatewayUrl))
      .transform((map) => new Map(Object.entries(map).map(([name, url]) => [name as RegionName, url])))
      .prefault({})
      .describe("The URL of each region's own gateway."),
  });

const log = section({
  level: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .prefault('info')
    .describe('What is logged: this level and the graver ones.'),
});

/**
 * The schema of a configuration file. References to regions are held against `names`; without names they may be any.
 * `z.toJSONSchema(configSchema(), { io: 'input' })` gives every key with its default and documentation.
 */
export function configSchema(names: readonly string[] = []) {
  return section({
    listen: listen.prefault({}).describe('The listener for callers.'),
    admin: admin.prefault({}).describe('The listener for operators: metrics, health.'),
    regions,
    accounts: accounts(names).prefault({}).describe('Where accounts live.'),
    anonymous: anonymous(names).prefault({}).describe('Where calls without credentials go when nothing else tells.'),
    private: section({
      verify: oneOf(['authcheck', 'presence'])
        .prefault('authcheck')
        .describe(
          'Credentials on private routes: asked of the region (authcheck), or only that there are some (presence).',
        ),
    })
      .prefault({})
      .describe('Routes that need credentials.'),
    errors: oneOf(['accurate', 'verbatim'])
      .prefault('accurate')
      .describe("The service's ambiguous 404s: with their true status (accurate), or as they come (verbatim)."),
    limits: limits.prefault({}).describe('How much callers may ask: `requests` in `per`, up to `burst` at once.'),
    upstream: upstream.prefault({}).describe('Connections to the regions.'),
    request: request.prefault({}).describe('What callers may send.'),
    self: self(names).prefault({}).describe('For organisations that run one gateway per region.'),
    log: log.prefault({}).describe('What the gateway logs.'),
  });
}
