// The metrics of several threads as one scrape.
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client';

/** One thread's metrics, as prom-client gives them: plain, and fit to cross to another thread. */
export type Snapshot = readonly SnapshotMetric[];
type SnapshotMetric = MetricObjectWithValues<MetricValue<string>>;

/** Node's metrics of the process, which each thread would give once more. */
const OF_PROCESS = /^process_/;
/** Of event loops, the one that lags most is the one whose callers notice. */
const OF_LOOP = /^nodejs_eventloop_lag_(?!min)/;

function acrossThreads(metric: SnapshotMetric): SnapshotMetric {
  const { name } = metric;
  if (OF_PROCESS.test(name)) return { ...metric, aggregator: 'first' };
  return OF_LOOP.test(name) ? { ...metric, aggregator: 'max' } : metric;
}

const registryOf = (snapshots: readonly Snapshot[]) =>
  AggregatorRegistry.aggregate(snapshots.map((snapshot) => snapshot.map(acrossThreads)));

/** What a thread beside the main one says: nothing of the process. */
export function withoutProcess(snapshot: Snapshot): Snapshot {
  return snapshot.filter(({ name }) => !OF_PROCESS.test(name));
}

/** Of all threads as one. @param snapshots the main thread's first */
export async function snapshotOf(snapshots: readonly Snapshot[]): Promise<Snapshot> {
  return (await registryOf(snapshots).getMetricsAsJSON()) as Snapshot;
}

/** @param snapshots the main thread's first @returns Prometheus text format and its content type */
export async function scrapeOf(snapshots: readonly Snapshot[]): Promise<{ body: string; contentType: string }> {
  const registry = registryOf(snapshots);
  return { body: await registry.metrics(), contentType: registry.contentType };
}

/** What was counted by threads that have ended, as one: counts must not go back. What was measured ends with them. */
export async function countsOf(snapshots: readonly Snapshot[]): Promise<Snapshot> {
  const counts = snapshots.map((snapshot) =>
    snapshot.filter(({ type, aggregator }) => COUNTS.has(String(type)) && aggregator === 'sum'),
  );
  return snapshotOf(counts);
}

const COUNTS = new Set(['counter', 'histogram']);
