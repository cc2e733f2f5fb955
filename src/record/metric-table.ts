// Every metric of the gateway's own, as data: metrics.ts registers them, docs/metrics.md is printed from them.

export const PREFIX = 'onetime_gateway_';

export interface MetricRow {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** What the numbers of several threads come to; `first` is the main thread's. By default `sum`. */
  readonly across?: 'sum' | 'first' | 'min' | 'max';
}

/** Every metric of the gateway's own; docs/metrics.md is printed from this table (`onetime-gateway metrics-doc`). */
export const METRICS = [
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
  {
    name: 'upstream_duration_seconds',
    type: 'histogram',
    labels: ['region', 'purpose'],
    help: 'From handing a call to the region’s connections to its whole answer; purpose forward or verify.',
  },
  {
    name: 'outcomes_total',
    type: 'counter',
    labels: ['region', 'purpose', 'effect', 'outcome'],
    help: 'What became of calls to a region: delivered, unknown (sent, but no whole answer) or not_sent.',
  },
  { name: 'in_flight_requests', type: 'gauge', labels: [], help: 'Requests that were received and not yet answered.' },
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
    name: 'refusals_total',
    type: 'counter',
    labels: ['code'],
    help: 'The gateway’s own negative answers, by their error code.',
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
    name: 'key_lookups_total',
    type: 'counter',
    labels: ['result'],
    help: 'Questions to the key index where a key is held, by result (found, missing, unavailable).',
  },
  {
    name: 'key_learned_total',
    type: 'counter',
    labels: ['result'],
    help: 'Keys of successful creates: stored before the answer left, or failed (then only this process knows them, until the store is back).',
  },
  {
    name: 'store_up',
    type: 'gauge',
    labels: ['engine'],
    help: '1 while the store can be asked, 0 while it is away.',
    across: 'min',
  },
  {
    name: 'store_away_total',
    type: 'counter',
    labels: ['engine'],
    help: 'Times that the store went away: did not answer in time, or lost its connection.',
  },
  {
    name: 'store_failures_total',
    type: 'counter',
    labels: ['engine'],
    help: 'Questions to the store that were not answered, or not in time.',
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
    name: 'directory_lookups_total',
    type: 'counter',
    labels: ['result'],
    help: 'Questions to the directory where an account lives, by result (found, missing, unavailable).',
  },
  {
    name: 'directory_memory_hits_total',
    type: 'counter',
    labels: [],
    help: 'Of these, how many were answered from memory.',
  },
  {
    name: 'directory_epoch',
    type: 'gauge',
    labels: [],
    help: 'The change of the directory that this gateway has seen last. It goes back only with other data.',
    across: 'min',
  },
  {
    name: 'directory_age_seconds',
    type: 'gauge',
    labels: [],
    help: 'Since this gateway followed the directory’s changes last; grows while the store is away.',
    across: 'max',
  },
  {
    name: 'directory_leased',
    type: 'gauge',
    labels: [],
    help: '1 while this gateway’s lease is in force; at 0 accounts of the directory are answered 503.',
    across: 'min',
  },
  {
    name: 'directory_changes_total',
    type: 'counter',
    labels: ['change'],
    help: 'Changes of the directory that this gateway saw, whoever made them, by kind.',
    across: 'first',
  },
  {
    name: 'account_moves',
    type: 'gauge',
    labels: ['phase'],
    help: 'Accounts that are being moved, by phase (frozen, cutover). One that stays for long waits for a gateway.',
    across: 'max',
  },
  {
    name: 'region_drained',
    type: 'gauge',
    labels: ['region'],
    help: '1 while an operator has taken the region out of service.',
    across: 'max',
  },
  {
    name: 'source_questions_total',
    type: 'counter',
    labels: ['result'],
    help: 'Questions to accounts.source, by result (found, missing, failed; refused: too many were under way).',
    across: 'first',
  },
  {
    name: 'source_entries',
    type: 'gauge',
    labels: ['kind'],
    help: 'Answers of accounts.source that are remembered (good).',
    across: 'first',
  },
  {
    name: 'source_age_seconds',
    type: 'gauge',
    labels: ['answer'],
    help: 'Age of the oldest and of the newest good answer of accounts.source that is remembered.',
    across: 'first',
  },
  {
    name: 'replays_total',
    type: 'counter',
    labels: ['result'],
    help: 'Calls with an Idempotency-Key: first (sent), replayed (given again, nothing sent), mismatch (422).',
  },
  {
    name: 'region_up',
    type: 'gauge',
    labels: ['region'],
    help: '0 when the last that was heard of every upstream URL of the region is a failure, else 1.',
    across: 'first',
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
    name: 'pin_violations_total',
    type: 'counter',
    labels: [],
    help: 'Requests stopped by the connections’ own check because their account may not go there. Anything but 0 is a defect: alert on it.',
  },
  {
    name: 'workers',
    type: 'gauge',
    labels: [],
    help: 'Threads that answer callers at the moment; 1 where the gateway runs without workers.',
    across: 'first',
  },
  {
    name: 'worker_restarts_total',
    type: 'counter',
    labels: ['reason'],
    help: 'Workers that were started anew in place of one that ended: crashed (an error nobody caught), out_of_memory, or ended otherwise.',
    across: 'first',
  },
  {
    name: 'build_info',
    type: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1; the labels tell what runs.',
    across: 'first',
  },
] as const satisfies readonly MetricRow[];

export type MetricName = (typeof METRICS)[number]['name'];

export function rowOf(name: MetricName): MetricRow {
  const row = METRICS.find((candidate) => candidate.name === name);
  if (row === undefined) throw new Error(`no metric ${name}`);
  return row;
}

/** The table of docs/metrics.md, as Markdown. */
export function metricsTable(): string {
  const rows = METRICS.map(
    ({ name, type, labels, help }) =>
      `| \`${PREFIX}${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ') || '-'} | ${help} |`,
  );
  return ['| Metric | Type | Labels | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
