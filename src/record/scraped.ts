// The metrics that are kept elsewhere and read when Prometheus asks.
import type { RegionName } from '../domain.ts';
import type { MetricName } from './metric-table.ts';

const BREAKER_STATES = ['closed', 'half_open', 'open'];

/** Registers a metric with one label: `rows` gives the label's values with a number each. */
export type Scraped = (
  name: MetricName,
  label: string,
  rows: () => readonly (readonly [value: string, number: number])[],
) => void;

/** As Scraped, for rows that have to be asked for; they must not reject. */
export type Asked = (
  name: MetricName,
  label: string,
  rows: () => Promise<readonly (readonly [value: string, number: number])[]>,
) => void;

export interface Instruments {
  readonly gauge: Scraped;
  readonly asked: Asked;
  readonly counted: Scraped;
  /** A count without labels that is kept elsewhere. */
  readonly total: (name: MetricName, read: () => number) => void;
  /** A gauge without labels. */
  readonly single: (name: MetricName, read: () => number) => void;
}

/** What is read at scrape time. */
export interface Readings {
  regions(): readonly {
    name: RegionName;
    up: boolean;
    breaker: string;
    drained: boolean;
    inUse: number;
    waiting: number;
  }[];
  /** How much of each region's budget is used up, 0 to 1. */
  budgets(): Promise<readonly (readonly [region: RegionName, used: number])[]>;
  limits(): readonly { name: string; entries: number; shared: number; fallback: boolean; fellBack: number }[];
  keyIndex(): { found: number; missing: number; unavailable: number; learned: number; failed: number };
  store(): { engine: string; up: boolean; wentAway: number; failed: number };
  directory(): DirectoryReading;
  /** Undefined where there is no source. */
  source(): SourceReading | undefined;
  /** Undefined where no spans are made. */
  tracing(): { readonly exported: number; readonly dropped: number } | undefined;
  /** How near the thread is to turning calls away; empty where it answers none. */
  pressure(): readonly (readonly [kind: string, ofBound: number])[];
  /** Undefined in a worker itself, and where there are none. */
  workers(): WorkersReading | undefined;
  /** Undefined where there is no audit log, and in workers. */
  audit(): AuditReading | undefined;
  /** Undefined where the configuration came from no file, and in workers. */
  reload(): ReloadReading | undefined;
}

export interface AuditReading {
  readonly written: Readonly<Record<string, number>>;
  readonly failing: boolean;
  readonly failures: number;
  readonly lost: number;
  readonly headAgeMs: number;
  readonly bytes: number;
}

export interface ReloadReading {
  readonly applied: number;
  readonly refused: number;
  readonly lastGood: boolean;
  readonly appliedAtMs: number;
}

export interface WorkersReading {
  readonly listening: number;
  /** By what became of the one before. */
  readonly restarts: { readonly crashed: number; readonly out_of_memory: number; readonly ended: number };
}

export interface DirectoryReading {
  readonly found: number;
  readonly missing: number;
  readonly unavailable: number;
  readonly fromMemory: number;
  readonly epoch: number;
  readonly ageMs: number | undefined;
  readonly leased: boolean;
  readonly moving: { readonly frozen: number; readonly cutover: number };
}

export interface SourceReading {
  readonly entries: number;
  readonly questions: { readonly found: number; readonly missing: number; readonly failed: number };
  readonly turnedAway: number;
  readonly oldestAgeMs: number | undefined;
  readonly newestAgeMs: number | undefined;
}

export function scrapedMetrics(readings: Readings, instruments: Instruments): void {
  regionMetrics(readings, instruments);
  limitMetrics(readings, instruments);
  stateMetrics(readings, instruments);
  sourceMetrics(readings, instruments);
  workerMetrics(readings, instruments);
  operationsMetrics(readings, instruments);
  tracingMetrics(readings, instruments);
}

function regionMetrics({ regions, budgets }: Readings, { gauge, asked }: Instruments): void {
  asked('region_budget_used_ratio', 'region', budgets);
  const each = (read: (region: ReturnType<typeof regions>[number]) => number) => () =>
    regions().map((region) => [region.name, read(region)] as const);
  gauge(
    'region_up',
    'region',
    each(({ up }) => Number(up)),
  );
  gauge(
    'region_drained',
    'region',
    each(({ drained }) => Number(drained)),
  );
  gauge(
    'breaker_state',
    'region',
    each(({ breaker }) => BREAKER_STATES.indexOf(breaker)),
  );
  gauge(
    'upstream_connections_in_use',
    'region',
    each(({ inUse }) => inUse),
  );
  gauge(
    'upstream_waiting',
    'region',
    each(({ waiting }) => waiting),
  );
}

/** What takes long to read is read once for all metrics of a scrape: they are asked in one turn. */
function onceATurn<T>(read: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => {
    if (known === undefined) {
      known = { value: read() };
      queueMicrotask(() => {
        known = undefined;
      });
    }
    return known.value;
  };
}

function limitMetrics(readings: Readings, { gauge, counted }: Instruments): void {
  // Every slot of every table is looked at, for milliseconds.
  const limits = onceATurn(() => readings.limits());
  const each = (read: (limit: ReturnType<typeof limits>[number]) => number) => () =>
    limits().map((limit) => [limit.name, read(limit)] as const);
  gauge(
    'limit_entries',
    'limit',
    each(({ entries }) => entries),
  );
  counted(
    'limit_shared_total',
    'limit',
    each(({ shared }) => shared),
  );
  gauge(
    'limit_fallback',
    'limit',
    each(({ fallback }) => Number(fallback)),
  );
  counted(
    'limit_fallbacks_total',
    'limit',
    each(({ fellBack }) => fellBack),
  );
}

/** The store, and what is looked up in it. */
function stateMetrics({ store, keyIndex, directory }: Readings, { gauge, counted, total, single }: Instruments): void {
  gauge('store_up', 'engine', () => [[store().engine, Number(store().up)]]);
  counted('store_away_total', 'engine', () => [[store().engine, store().wentAway]]);
  counted('store_failures_total', 'engine', () => [[store().engine, store().failed]]);
  counted('key_lookups_total', 'result', () => lookups(keyIndex()));
  counted('key_learned_total', 'result', () => {
    const { learned, failed } = keyIndex();
    return Object.entries({ stored: learned, failed });
  });
  counted('directory_lookups_total', 'result', () => lookups(directory()));
  total('directory_memory_hits_total', () => directory().fromMemory);
  single('directory_epoch', () => directory().epoch);
  single('directory_age_seconds', () => (directory().ageMs ?? Number.POSITIVE_INFINITY) / 1000);
  single('directory_leased', () => Number(directory().leased));
  gauge('account_moves', 'phase', () => Object.entries(directory().moving));
}

function lookups({ found, missing, unavailable }: { found: number; missing: number; unavailable: number }) {
  return Object.entries({ found, missing, unavailable });
}

/** Without a source there are no series. */
function sourceMetrics({ source }: Readings, { gauge, counted }: Instruments): void {
  counted('source_questions_total', 'result', () => {
    const reading = source();
    return reading === undefined ? [] : Object.entries({ ...reading.questions, refused: reading.turnedAway });
  });
  gauge('source_entries', 'kind', () => {
    const reading = source();
    return reading === undefined ? [] : [['good', reading.entries]];
  });
  gauge('source_age_seconds', 'answer', () => {
    const { oldestAgeMs, newestAgeMs } = source() ?? {};
    const ages = Object.entries({ oldest: oldestAgeMs, newest: newestAgeMs });
    return ages.flatMap(([answer, ms]) => (ms === undefined ? [] : [[answer, ms / 1000] as const]));
  });
}

/** Without a collector there are no series. */
function tracingMetrics({ tracing }: Readings, { counted }: Instruments): void {
  counted('trace_spans_total', 'result', () => Object.entries(tracing() ?? {}));
}

const WITHOUT_WORKERS: WorkersReading = { listening: 1, restarts: { crashed: 0, out_of_memory: 0, ended: 0 } };

function workerMetrics({ workers, pressure }: Readings, { counted, single, gauge }: Instruments): void {
  gauge('pressure', 'kind', pressure);
  single('workers', () => (workers() ?? WITHOUT_WORKERS).listening);
  counted('worker_restarts_total', 'reason', () => Object.entries((workers() ?? WITHOUT_WORKERS).restarts));
}

function operationsMetrics({ audit, reload }: Readings, { counted, total, single }: Instruments): void {
  counted('audit_records_total', 'kind', () => Object.entries(audit()?.written ?? {}));
  single('audit_failing', () => Number(audit()?.failing ?? false));
  total('audit_write_failures_total', () => audit()?.failures ?? 0);
  total('audit_lost_total', () => audit()?.lost ?? 0);
  single('audit_head_age_seconds', () => (audit()?.headAgeMs ?? 0) / 1000);
  single('audit_bytes', () => audit()?.bytes ?? 0);
  counted('config_reloads_total', 'result', () => {
    const { applied = 0, refused = 0 } = reload() ?? {};
    return Object.entries({ applied, refused });
  });
  single('config_last_reload_successful', () => Number(reload()?.lastGood ?? true));
  single('config_applied_timestamp_seconds', () => (reload()?.appliedAtMs ?? startedMs) / 1000);
}

/** A configuration that cannot be read again is in force since the start. */
const startedMs = Date.now();
