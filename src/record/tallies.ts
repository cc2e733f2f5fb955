// Counters and histograms as the hot path needs them: a request finds its place by a few map look-ups and adds to a
// number. prom-client's own hash and check the labels at each step, ten times as much; here that is done when somebody
// scrapes.

/** What prom-client's registry asks of a metric when it is scraped. */
export interface TallyMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'histogram';
  readonly aggregator: 'sum';
  get(): Omit<TallyMetric, 'get'> & { readonly values: readonly Sample[] };
}

/** Makes it part of what is scraped. */
export type RegisterTally = (metric: TallyMetric) => void;

export interface TallyShape {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** One place a combination of label values, made when it is first needed. Values come from closed lists (metrics.ts). */
class Places<T> {
  readonly #labels: readonly string[];
  readonly #make: () => T;
  readonly #root = new Map<string, unknown>();
  readonly #all: { readonly labels: Readonly<Record<string, string>>; readonly place: T }[] = [];

  constructor(labels: readonly string[], make: () => T) {
    this.#labels = labels;
    this.#make = make;
  }

  /** @param values one for each label, in the order of the metric */
  at(values: readonly string[]): T {
    let level = this.#root;
    const last = values.length - 1;
    for (let depth = 0; depth < last; depth++) {
      const value = values[depth] ?? '';
      let next = level.get(value) as Map<string, unknown> | undefined;
      if (next === undefined) {
        next = new Map();
        level.set(value, next);
      }
      level = next;
    }
    const value = values[last] ?? '';
    let place = level.get(value) as T | undefined;
    if (place === undefined) {
      place = this.#make();
      level.set(value, place);
      const labels = Object.fromEntries(this.#labels.map((label, index) => [label, values[index] ?? '']));
      this.#all.push({ labels, place });
    }
    return place;
  }

  samples(read: (place: T, labels: Readonly<Record<string, string>>) => readonly Sample[]): Sample[] {
    return this.#all.flatMap(({ labels, place }) => read(place, labels));
  }
}

function metricOf(type: TallyMetric['type'], { name, help }: TallyShape, values: () => readonly Sample[]): TallyMetric {
  const about = { name, help, type, aggregator: 'sum' } as const;
  return { ...about, get: () => ({ ...about, values: values() }) };
}

/** @returns adds to the count at these label values, in the order of the metric's labels; 0 makes the series known */
export function counterTally(
  register: RegisterTally,
  shape: TallyShape,
): (add: number, ...values: readonly string[]) => void {
  const places = new Places(shape.labels, () => ({ count: 0 }));
  register(metricOf('counter', shape, () => places.samples(({ count: value }, labels) => [{ labels, value }])));
  return (add, ...values) => {
    places.at(values).count += add;
  };
}

/**
 * @param bounds of the buckets, ascending
 * @returns observes a value at these label values; undefined makes the series known
 */
export function histogramTally(
  register: RegisterTally,
  shape: TallyShape,
  bounds: readonly number[],
): (value: number | undefined, ...values: readonly string[]) => void {
  const { name } = shape;
  /** The last bucket is `+Inf`. */
  const places = new Places(shape.labels, () => ({ buckets: new Float64Array(bounds.length + 1), sum: 0 }));
  const values = (): Sample[] =>
    places.samples(({ buckets, sum }, labels) => {
      let below = 0;
      const samples: Sample[] = [...buckets].map((count, index) => {
        below += count;
        return { metricName: `${name}_bucket`, labels: { le: bounds[index] ?? '+Inf', ...labels }, value: below };
      });
      samples.push({ metricName: `${name}_sum`, labels, value: sum });
      samples.push({ metricName: `${name}_count`, labels, value: below });
      return samples;
    });
  register(metricOf('histogram', shape, values));
  return (value, ...values) => {
    const place = places.at(values);
    if (value === undefined) return;
    place.sum += value;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    place.buckets[bucket] = (place.buckets[bucket] as number) + 1;
  };
}
