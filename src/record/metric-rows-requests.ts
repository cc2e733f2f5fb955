// The metrics of requests and of what the gateway itself says to them: refusals, decisions, limits, verification, repeats.
import type { MetricRow } from './metric-row.ts';

export const REQUEST_METRICS = [
  {
    name: 'requests_total',
    type: 'counter',
    labels: ['route', 'region', 'class'],
    help: 'Requests by route, region that was asked (none: refused or answered here) and class of the answer (1xx to 5xx; gone: the caller left before it).',
  },
  {
    name: 'request_duration_seconds',
    type: 'histogram',
    labels: ['route'],
    help: 'From the request’s head to the end of its answer.',
  },
  { name: 'in_flight_requests', type: 'gauge', labels: [], help: 'Requests that were received and not yet answered.' },
  {
    name: 'refusals_total',
    type: 'counter',
    labels: ['code'],
    help: 'The gateway’s own negative answers, by their error code; also to what could not be read as a request, and is counted nowhere else.',
  },
  {
    name: 'proxy_headers_total',
    type: 'counter',
    labels: ['result'],
    help: 'Connections of load balancers that had to begin with a PROXY header: taken (named: a caller; own: the load balancer itself), or closed (missing, malformed, timeout, unfinished: it left before).',
  },
  {
    name: 'decisions_total',
    type: 'counter',
    labels: ['reason'],
    help: 'Requests that were given a region (or answered here), by the reason of the decision.',
  },
  {
    name: 'limited_total',
    type: 'counter',
    labels: ['limit', 'mode'],
    help: 'Requests over a limit: refused (enforce) or only counted (shadow).',
  },
  {
    name: 'shed_total',
    type: 'counter',
    labels: ['class', 'mode'],
    help: 'Requests that a thread had no time for, without credentials (anonymous) or with some (authenticated): refused with 503 (enforce), or only counted (shadow).',
  },
  {
    name: 'limit_entries',
    type: 'gauge',
    labels: ['limit'],
    help: 'Clients, keys or accounts whose allowance is not full at the moment; bounded.',
    across: 'first',
  },
  {
    name: 'limit_shared_total',
    type: 'counter',
    labels: ['limit'],
    help: 'Newcomers that were counted in a shared, coarser bucket because the table was full.',
    across: 'first',
  },
  {
    name: 'limit_fallback',
    type: 'gauge',
    labels: ['limit'],
    help: '1 while this process counts the limit alone, because the store that gateways count in together is away.',
    across: 'max',
  },
  {
    name: 'limit_fallbacks_total',
    type: 'counter',
    labels: ['limit'],
    help: 'Times that counting fell back to this process alone.',
  },
  {
    name: 'verifications_total',
    type: 'counter',
    labels: ['region', 'result'],
    help: 'Questions to a region whether credentials are good, by result (good, bad, unavailable).',
  },
  {
    name: 'verification_cache_hits_total',
    type: 'counter',
    labels: ['region', 'result'],
    help: 'Verifications answered from memory, by result (good, bad).',
  },
  {
    name: 'replays_total',
    type: 'counter',
    labels: ['result'],
    help: 'Calls with an Idempotency-Key: first (sent), replayed (given again, nothing sent), mismatch (422).',
  },
  {
    name: 'pin_violations_total',
    type: 'counter',
    labels: [],
    help: 'Requests stopped by the connections’ own check because their account may not go there. Anything but 0 is a defect: alert on it.',
  },
] as const satisfies readonly MetricRow[];
