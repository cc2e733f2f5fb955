// The shapes of what the admin API tells of the gateway itself: its live state, its configuration, its log, its audit log.
// Each is held to the type that the console is written against.
import { z } from 'zod';
import { LIVE_EXAMPLE } from './admin-live-example.ts';
import type * as live from './admin-live-types.ts';
import { count, fromQuery, region, SCHEMAS, time } from './admin-schemas.ts';

const rate = z.number().min(0).describe('Per second.');
const rates = z.record(z.string(), rate);
const part = z.number().min(0);
const code = z.string();

/** The journal keeps as many at hand. */
const TAIL_MAX = 200;
export const TAIL = 50;
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export const AuditTail = z.strictObject({
  count: fromQuery(z.int().min(1).max(TAIL_MAX).optional()).describe(`How many, at most; ${TAIL} without it.`),
});

const LogLevel: z.ZodType<live.LogLevelState> = z
  .strictObject({ level: z.enum(LEVELS).describe('This level and the graver ones are logged.') })
  .meta({ examples: [{ level: 'debug' }] });

const ReloadReport = z.strictObject({
  result: z.enum(['applied', 'refused', 'unchanged']),
  at: time,
  actor: z.string().describe('Who asked: `token:NAME`, or what made the gateway look.'),
  changed: z.array(z.string()).describe('Keys that have another value now.'),
  needsRestart: z.array(z.string()).describe('Keys that changed in the file, and wait for a restart.'),
  problems: z.array(z.string()).describe('Why it was refused.'),
}) satisfies z.ZodType<live.ReloadReport>;

const REPORT: live.ReloadReport = {
  result: 'applied',
  at: '2026-05-04T09:30:00.000Z',
  actor: 'token:deploy',
  changed: ['limits.perKey.requests'],
  needsRestart: ['listen.port'],
  problems: [],
};
const Reloaded = ReloadReport.describe('It was applied, or there was nothing to apply.').meta({ examples: [REPORT] });
const ReloadRefused = ReloadReport.extend({ error: z.literal('reload_refused'), message: z.string() })
  .describe('It is not good, and nothing was changed.')
  .meta({
    examples: [
      {
        error: 'reload_refused',
        message: 'The configuration is not good, so the one before stays in force.',
        ...REPORT,
        result: 'refused',
        changed: [],
        needsRestart: [],
        problems: ['gateway.yaml:4:13: limits.perKey.mode: found "enforced", expected one of enforce, shadow, off'],
      },
    ],
  });
const ReloadStatus = z.strictObject({
  appliedAt: time.describe('Since when the configuration in force is in force. ISO 8601, UTC.'),
  last: ReloadReport.optional().describe('The last attempt to reload, whatever came of it.'),
}) satisfies z.ZodType<live.ReloadStatus>;

const Configuration = z
  .strictObject({
    values: z.array(
      z.strictObject({
        key: z.string(),
        value: z.string().describe('As it would be written; `(hidden)` of what is or may hold a secret or a name.'),
        from: z.enum(['file', 'environment', 'default']),
        line: z.int().min(1).optional().describe('Of the file.'),
        variable: z.string().optional().describe('The variables of the environment, with commas between them.'),
      }),
    ),
  })
  .meta({
    examples: [
      {
        values: [
          { key: 'limits.perKey.requests', value: '10', from: 'default' },
          { key: 'listen.port', value: '8080', from: 'environment', line: 4, variable: 'GATEWAY_PORT' },
        ],
      },
    ],
  }) satisfies z.ZodType<live.ConfigInForce>;

const AuditReadings = z.strictObject({
  file: z.string(),
  sequence: count.describe('Of the last record.'),
  written: z.record(z.string(), count).describe('Since the start, by kind.'),
  lost: count.describe('Records that could not be written.'),
  failing: z.boolean(),
  failures: count.describe('Writes that failed.'),
  headAgeMs: z
    .number()
    .min(0)
    .describe('How long the oldest record that no signed head covers has been waiting; 0: none waits.'),
  head: z
    .strictObject({ at: count, hash: z.string().regex(/^[0-9a-f]{64}$/), time })
    .nullable()
    .describe('The newest signed head; at and hash are what `audit verify --head` takes. null: there is none yet.'),
  bytes: count.describe('Of the current file.'),
}) satisfies z.ZodType<live.AuditReadings>;

const AuditTailed = z.strictObject({
  readings: AuditReadings,
  records: z
    .array(
      z.looseObject({
        seq: count,
        prev: z.string().regex(/^[0-9a-f]{64}$/),
        time,
        kind: z.string(),
      }),
    )
    .describe('Oldest first.'),
}) satisfies z.ZodType<live.AuditPage>;

const AuditVerified = z
  .strictObject({
    at: time,
    tookMs: count,
    good: z.boolean(),
    records: count,
    files: count,
    faults: z
      .array(z.strictObject({ file: z.string(), line: z.int().nullable(), what: z.string() }))
      .describe('What is wrong and where; of many, the first ones.'),
  })
  .meta({
    examples: [{ at: '2026-05-04T09:30:00.000Z', tookMs: 812, good: true, records: 204_512, files: 3, faults: [] }],
  }) satisfies z.ZodType<live.AuditVerification>;

const LiveRegion = z.strictObject({
  name: region,
  up: z.boolean(),
  breaker: z.enum(['closed', 'half_open', 'open']),
  failures: count.describe('In a row.'),
  drained: z.boolean(),
  inUse: count.describe('Connections with a call under way.'),
  waiting: count.describe('Requests that wait for a connection.'),
  requestsPerSecond: rate,
  share: part.max(1).describe('Of all requests that were sent to a region.'),
  latencyMs: z.strictObject({ p50: part, p95: part, p99: part }).nullable().describe('null: nothing was sent there.'),
  outcomes: z.strictObject({ delivered: rate, unknown: rate, not_sent: rate }),
  budgetUsed: part.nullable().describe('Of limits.regionBudget, 0 to 1; null: not counted.'),
  turnedAway: z
    .strictObject({ full: rate, share: rate, late: rate })
    .describe(
      'Calls that got no connection: the line was full, whoever it was had a share of it, or the time was over.',
    ),
  proxyFault: z
    .enum(['unreachable', 'timeout', 'closed', 'garbled', 'authentication', 'refused', 'no_route', 'stalled'])
    .nullable()
    .describe(
      'Why its egress proxy did not make the connection that it was asked for last; null: it did, or there is none.',
    ),
}) satisfies z.ZodType<live.LiveRegion>;

const loads = z.strictObject({ anonymous: rate, authenticated: rate });
const LiveOverload = z.strictObject({
  pressure: z
    .strictObject({ event_loop: part, heap: part, memory: part })
    .partial()
    .describe('Of its bound, of the thread that is nearest: from 1 on calls are turned away.'),
  refused: loads.describe('Calls that were turned away.'),
  shadow: loads.describe('Calls that would have been, were it in force.'),
  connections: z
    .strictObject({
      open: count,
      refused: z.strictObject({ all: rate, address: rate }),
      reclaimed: rate.describe('Unused ones that were ended to make place.'),
    })
    .describe('Of callers. Refused are those for which there was no place, in all or from their address.'),
}) satisfies z.ZodType<live.LiveOverload>;

const LiveState = z
  .strictObject({
    time,
    version: z.string(),
    uptimeSeconds: count,
    intervalMs: count.describe('What rates and latencies are over; 0: there was no earlier sample, and they are 0.'),
    workers: z.strictObject({ listening: count, restarts: count }),
    requests: z.strictObject({ total: count, perSecond: rate, inFlight: z.int(), byClass: rates }),
    regions: z.array(LiveRegion),
    overload: LiveOverload,
    limits: z.array(
      z.strictObject({ name: z.string(), entries: count, refusedPerSecond: rate, shadowPerSecond: rate }),
    ),
    refusals: z.record(code, rate),
    moves: z.array(SCHEMAS.Account).nullable().describe('null: the directory does not answer.'),
    store: z.strictObject({ engine: z.string(), up: z.boolean() }),
    audit: AuditReadings.nullable().describe('null: there is no audit log.'),
    reload: ReloadStatus.nullable().describe('null: this gateway cannot be reloaded.'),
    violations: count.describe('Since the start. Anything but 0 is a defect.'),
    routes: z
      .array(z.strictObject({ route: z.string(), perSecond: rate, p95Ms: part.nullable() }))
      .describe('Those with requests, busiest first.'),
  })
  .describe('The event `state` of the stream has this as its data, at once and then each second.')
  .meta({ examples: [LIVE_EXAMPLE] }) satisfies z.ZodType<live.LiveState>;

/** Under the names that the document gives them. */
export const GATEWAY_SCHEMAS = {
  LiveState,
  Configuration,
  ReloadReport,
  Reloaded,
  ReloadRefused,
  ReloadStatus,
  LogLevel,
  AuditReadings,
  AuditTailed,
  AuditVerified,
} as const;
