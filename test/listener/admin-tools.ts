// What the admin API tells of the gateway itself, for its tests: real metrics that a test counts in, and a configuration,
// an audit log and a log level that note what was asked of them.
import { pino } from 'pino';
import type { AuditReadings, AuditRecord, ReloadReport, ReloadStatus } from '../../src/listener/admin-live-types.ts';
import type { AdminTools, AuditTools, AuditVerdict } from '../../src/listener/admin-route.ts';
import { createMetrics, type Metrics } from '../../src/record/metrics.ts';

const NO_DIRECTORY = {
  found: 0,
  missing: 0,
  unavailable: 0,
  fromMemory: 0,
  epoch: 1,
  ageMs: 0,
  leased: true,
  moving: { frozen: 0, cutover: 0 },
};

/** @param budgets of regions @param regions as they are told to be */
export function metricsOf(
  regions: readonly string[],
  budgets: Readonly<Record<string, number>> = {},
  pressure: readonly (readonly [string, number])[] = [],
): Metrics {
  return createMetrics(
    {
      regions: () =>
        regions.map((name) => {
          return { name: name as never, up: true, breaker: 'closed', drained: false, inUse: 2, waiting: 1 };
        }),
      budgets: async () => Object.entries(budgets).map(([name, used]) => [name as never, used] as const),
      limits: () => [{ name: 'perKey', entries: 7, shared: 0, fallback: false, fellBack: 0 }],
      keyIndex: () => ({ found: 0, missing: 0, unavailable: 0, learned: 0, failed: 0 }),
      store: () => ({ engine: 'sqlite', up: true, wentAway: 0, failed: 0 }),
      directory: () => NO_DIRECTORY,
      source: () => undefined,
      workers: () => ({ listening: 3, restarts: { crashed: 1, out_of_memory: 0, ended: 1 } }),
      tracing: () => undefined,
      pressure: () => pressure,
      audit: () => undefined,
      reload: () => undefined,
    },
    { version: 'test', node: 'v26' },
  );
}

export const REPORT: ReloadReport = {
  result: 'applied',
  at: '2026-05-04T09:30:00.000Z',
  actor: 'token:deploy',
  changed: ['limits.perKey.requests'],
  needsRestart: ['listen.port'],
  problems: [],
};
export const AUDIT: AuditReadings = {
  file: 'data/audit.jsonl',
  sequence: 3,
  written: { opened: 1, request: 2 },
  lost: 0,
  failing: false,
  failures: 0,
  headAgeMs: 0,
  head: null,
  bytes: 812,
};
export const RECORDS: readonly AuditRecord[] = [1, 2, 3].map((seq) => ({
  seq,
  prev: String(seq).repeat(64),
  time: '2026-05-04T09:30:00.000Z',
  kind: seq === 1 ? 'opened' : 'request',
  route: 'v1.share',
}));
export const GOOD: AuditVerdict = { good: true, records: 3, files: 1, faults: [] };

export interface InsightTools extends Required<Pick<AdminTools, 'snapshot' | 'configuration' | 'logLevel' | 'audit'>> {
  readonly metrics: Metrics;
  /** Who asked for a reload. */
  readonly reloads: string[];
  /** What the next reload reports. */
  report: ReloadReport;
  /** In place of the metrics as they are. */
  onSnapshot: Metrics['snapshot'];
  /** Since when the configuration is in force. */
  appliedAt: string;
  verify: AuditTools['verify'];
}

export function insightTools(regions: readonly string[]): InsightTools {
  const metrics = metricsOf(regions, { [regions[0] ?? '']: 0.25 });
  const level = pino({ level: 'info' });
  const reloads: string[] = [];
  const tools: InsightTools = {
    metrics,
    reloads,
    report: REPORT,
    onSnapshot: metrics.snapshot,
    appliedAt: '2026-05-04T09:00:00.000Z',
    verify: async () => GOOD,
    snapshot: () => tools.onSnapshot(),
    configuration: {
      inForce: () => [{ key: 'log.level', value: 'info', from: 'file', line: 3 }],
      reload: async (actor) => {
        reloads.push(actor);
        return tools.report;
      },
      status: (): ReloadStatus => ({ appliedAt: tools.appliedAt, last: tools.report }),
    },
    logLevel: {
      get: () => level.level as 'info',
      set: (word) => {
        level.level = word;
      },
    },
    audit: {
      readings: () => AUDIT,
      tail: async (count) => RECORDS.slice(-count),
      verify: () => tools.verify(),
    },
  };
  return tools;
}
