// What is said of a metric, as data.

export interface MetricRow {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** What the numbers of several threads come to; `first` is the main thread's. By default `sum`. */
  readonly across?: 'sum' | 'first' | 'min' | 'max';
}
