// What two snapshots of the metrics say: sums by label, and quantiles of what came between them.
import type { Snapshot } from '../record/aggregate.ts';
import type { MetricName, PREFIX } from '../record/metric-table.ts';

type Labels = Readonly<Record<string, string>>;
type Values = Snapshot[number]['values'];

/** Upper bound -> how many were not above it. */
export type Buckets = ReadonlyMap<number, number>;

/** One snapshot, to be asked. */
export interface Meter {
  /** The sum of the series with these labels; 0 where there are none. */
  total(name: MetricName, where?: Labels): number;
  /** As `total`, for each value of a label. */
  by(name: MetricName, label: string, where?: Labels): ReadonlyMap<string, number>;
  /** A histogram, for each value of a label. */
  buckets(name: MetricName, label: string, where?: Labels): ReadonlyMap<string, Buckets>;
}

/** Rooms share types alone; so this is the table's own word, or does not compile. */
const OURS: typeof PREFIX = 'onetime_gateway_';

export function meterOf(snapshot: Snapshot): Meter {
  const metrics = new Map<string, Values>(snapshot.map(({ name, values }) => [name, values]));
  const valuesOf = (name: MetricName, where: Labels): Values => {
    const wanted = Object.entries(where);
    const values = metrics.get(OURS + name) ?? [];
    return values.filter(({ labels }) => wanted.every(([label, value]) => labels[label] === value));
  };
  return {
    total: (name, where = {}) => valuesOf(name, where).reduce((sum, { value }) => sum + value, 0),
    by(name, label, where = {}) {
      const sums = new Map<string, number>();
      for (const { labels, value } of valuesOf(name, where)) {
        const key = String(labels[label]);
        sums.set(key, (sums.get(key) ?? 0) + value);
      }
      return sums;
    },
    buckets(name, label, where = {}) {
      const found = new Map<string, Map<number, number>>();
      for (const { labels, value } of valuesOf(name, where)) {
        // A histogram's sum and count have no bound.
        if (labels.le === undefined) continue;
        const key = String(labels[label]);
        const buckets = found.get(key) ?? new Map<number, number>();
        const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
        found.set(key, buckets.set(bound, (buckets.get(bound) ?? 0) + value));
      }
      return found;
    },
  };
}

/** What came between two readings of a histogram. */
export function between(before: Buckets | undefined, now: Buckets): Buckets {
  return new Map([...now].map(([bound, count]) => [bound, Math.max(0, count - (before?.get(bound) ?? 0))]));
}

/**
 * The value that the part `q` of all values does not exceed, taken to lie evenly within its bucket, as Prometheus does
 * (histogram_quantile). Above the last finite bound nothing is known: then it is that bound.
 * @returns null where there are no values
 */
export function quantile(buckets: Buckets, q: number): number | null {
  const ascending = [...buckets].sort(([a], [b]) => a - b);
  const count = ascending.at(-1)?.[1] ?? 0;
  if (count === 0) return null;
  const rank = q * count;
  let [lower, below] = [0, 0];
  for (const [bound, upTo] of ascending) {
    if (bound === Number.POSITIVE_INFINITY) break;
    if (upTo >= rank && upTo > below) return lower + ((bound - lower) * (rank - below)) / (upTo - below);
    [lower, below] = [bound, upTo];
  }
  return lower;
}
