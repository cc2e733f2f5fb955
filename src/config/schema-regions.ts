// The part of the schema that is about regions: which there are and how they are reached.
import { z } from 'zod';
import type { RegionName } from '../domain.ts';
import {
  GATEWAY_URL,
  HOST_NAME,
  readGatewayUrl,
  readHostName,
  readUpstream,
  readWebUrl,
  UPSTREAM,
  WEB_URL,
} from './addresses.ts';
import { byRegion, duration, flag, list, oneOf, regionRef, section, text, whole, wordOrRegion } from './fields.ts';
import { PREFIX, readPrefix } from './paths.ts';
import { regionProxy, upstreamProxy } from './schema-egress.ts';
import { regionTls } from './schema-tls.ts';
import type { RegionConfig } from './types.ts';

const region = (folder: string) =>
  section({
    upstreams: list('upstreams, at least one', text(UPSTREAM, readUpstream), 1).describe(
      'Origins of the data centre. The first is used; the next ones when no connection to it can be opened.',
    ),
    hosts: list('host names', text(HOST_NAME, readHostName))
      .prefault([])
      .describe('Host names of this gateway by which callers choose the region.'),
    web: text(WEB_URL, readWebUrl)
      .optional()
      .describe("Where links to the region's secrets lead, if not to its first upstream."),
    tls: regionTls(folder)
      .optional()
      .describe(
        "How the region's servers are known beyond the authorities that Node trusts, and how they know the gateway.",
      ),
    proxy: regionProxy(),
  });

export const regions = (folder: string) =>
  byRegion('its upstreams', region(folder), 1)
    .transform((map) =>
      Object.entries(map).map(([name, { web, ...facts }]): RegionConfig => {
        const [first = ''] = facts.upstreams;
        return { name: name as RegionName, ...facts, web: web ?? first };
      }),
    )
    .describe('The data centres by name. The only key without a default.');

export const anonymous = (names: readonly string[]) => {
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

export const passthrough = (names: readonly string[]) =>
  list(
    'prefixes',
    section({
      prefix: text(PREFIX, readPrefix).describe('Paths that begin so, such as /help. Never a path of the API.'),
      region: regionRef(names).describe('The region that answers them.'),
      credentials: oneOf(['drop', 'forward'])
        .prefault('drop')
        .describe('Whether Authorization and cookies are left out (drop) or travel (forward).'),
    }),
  );

const queue = section({
  most: whole(0)
    .prefault(1024)
    .describe('Calls that wait for a connection to one upstream; further ones get 503 at once.'),
  wait: duration().prefault('3s').describe('How long a call waits for a connection before it gets 503.'),
}).transform(({ wait: waitMs, most }) => ({ most, waitMs }));

export const upstream = section({
  connectTimeout: duration().prefault('3s').describe('How long opening a connection may take.'),
  headersTimeout: duration().prefault('15s').describe('How long the region may take to begin its answer.'),
  bodyTimeout: duration().prefault('15s').describe('How long the region may pause within its answer.'),
  idleTimeout: duration()
    .prefault('4s')
    .describe('How long an unused connection is kept; keep it below the time of the region.'),
  connections: whole(1).prefault(256).describe('Connections to one upstream at most.'),
  queue: queue.prefault({}).describe('What waits when they are all in use.'),
  forwardClientAddress: flag()
    .prefault(true)
    .describe('Whether regions are told the address of the client (X-Forwarded-For).'),
  proxy: upstreamProxy(),
}).transform(({ connectTimeout, headersTimeout, bodyTimeout, idleTimeout, ...others }) => ({
  connectTimeoutMs: connectTimeout,
  headersTimeoutMs: headersTimeout,
  bodyTimeoutMs: bodyTimeout,
  idleTimeoutMs: idleTimeout,
  ...others,
}));

const breaker = section({
  failures: whole(1).prefault(5).describe('After so many failures in a row nothing is sent to the region.'),
  open: duration().prefault('10s').describe('How long nothing is sent, until one harmless request tries again.'),
  mode: oneOf(['enforce', 'shadow', 'off'])
    .prefault('enforce')
    .describe('enforce stops sending, shadow only counts, off does nothing.'),
}).transform(({ open: openMs, ...others }) => ({ openMs, ...others }));

export const health = section({
  probe: duration().prefault('60s').describe('A region in doubt is asked for its status at most this often.'),
  breaker: breaker.prefault({}).describe('Stops sending to a region that does not answer.'),
}).transform(({ probe: probeMs, ...others }) => ({ probeMs, ...others }));

export const self = (names: readonly string[]) =>
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
