// The metrics of the regions: calls to them, their connections, health and breakers.
import type { MetricRow } from './metric-row.ts';

export const REGION_METRICS = [
  {
    name: 'upstream_duration_seconds',
    type: 'histogram',
    labels: ['region', 'purpose'],
    help: 'From handing a call to the region’s connections to its whole answer, of calls that were sent; purpose forward or verify.',
  },
  {
    name: 'upstream_tls_failures_total',
    type: 'counter',
    labels: ['region', 'reason'],
    help: 'Connections to the region that were given up for what its server showed: untrusted, expired, name (another host’s certificate), pin (none of the pinned keys), protocol. Nothing was sent.',
  },
  {
    name: 'upstream_proxy_failures_total',
    type: 'counter',
    labels: ['region', 'reason'],
    help: 'Connections to the region that its egress proxy did not make, callers’ and the gateway’s own: unreachable, timeout, closed, garbled (no answer of HTTP), authentication, refused; no_route (5xx: the proxy could not reach the region) and stalled (TLS with the region did not begin) may be the region’s doing. Nothing was sent.',
  },
  {
    name: 'upstream_proxy_failing',
    type: 'gauge',
    labels: ['region', 'reason'],
    help: '1 for the reason why the region’s egress proxy did not make the connection that it was asked for last; of several threads, for that of any.',
    across: 'max',
  },
  {
    name: 'upstream_location_removed_total',
    type: 'counter',
    labels: ['region'],
    help: 'Headers of the region’s answers (Location, Content-Location, Refresh, and Link of passed-through paths) that named another region or an upstream, and were left out. Redirects are never followed.',
  },
  {
    name: 'outcomes_total',
    type: 'counter',
    labels: ['region', 'purpose', 'effect', 'outcome'],
    help: 'What became of calls to a region: delivered, unknown (sent, but no whole answer) or not_sent.',
  },
  {
    name: 'upstream_connections_in_use',
    type: 'gauge',
    labels: ['region'],
    help: 'Connections to the region with a call under way.',
  },
  {
    name: 'upstream_waiting',
    type: 'gauge',
    labels: ['region'],
    help: 'Requests waiting for a free connection to the region.',
  },
  {
    name: 'upstream_wait_seconds',
    type: 'histogram',
    labels: ['region'],
    help: 'How long calls that had to wait for a free connection to the region waited, until they had one or `upstream.queue.wait` was over. Passed-through paths are not in it.',
  },
  {
    name: 'upstream_turned_away_total',
    type: 'counter',
    labels: ['region', 'reason'],
    help: 'Calls that got no connection to the region, 503 region_busy: full (the line was), share (their account or address had its part of it), late (`upstream.queue.wait` was over). Nothing was sent.',
  },
  {
    name: 'region_up',
    type: 'gauge',
    labels: ['region'],
    help: '0 when the last that was heard of every upstream URL of the region is a failure, else 1.',
    across: 'first',
  },
  {
    name: 'region_drained',
    type: 'gauge',
    labels: ['region'],
    help: '1 while an operator has taken the region out of service.',
    across: 'max',
  },
  {
    name: 'breaker_state',
    type: 'gauge',
    labels: ['region'],
    help: 'The region’s breaker: 0 closed, 1 half-open, 2 open.',
    across: 'first',
  },
  {
    name: 'breaker_held_total',
    type: 'counter',
    labels: ['region', 'mode'],
    help: 'Calls that found the breaker open: refused with 503 not_sent (enforce), or only counted (shadow).',
  },
  {
    name: 'probes_total',
    type: 'counter',
    labels: ['region', 'answer'],
    help: 'The gateway’s own questions to a region’s status, by answer (up, down, nothing: rate limited or unclear).',
  },
  {
    name: 'region_budget_used_ratio',
    type: 'gauge',
    labels: ['region'],
    help: 'How much of limits.regionBudget is used up, 0 to 1; at 1 calls without credentials are over it. Gateways that share a store all show what they used together.',
    across: 'max',
  },
] as const satisfies readonly MetricRow[];
