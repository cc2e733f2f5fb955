// Who asked what, in order: the tests' proof of what was sent and of what was not.

/** One row, appended when the whole request has been received. */
export interface TwinRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly path: string;
  /** As received, in order, names as sent. */
  readonly headers: readonly (readonly [string, string])[];
  /** UTF-8; bytes that are not that are replaced. */
  readonly body: string;
  readonly atMs: number;
  /** What was answered. */
  readonly status: number;
}

export interface Ledger {
  readonly rows: readonly TwinRequest[];
  append(row: TwinRequest): void;
  clear(): void;
}

/** Keeps at least the last `limit` rows; 0 keeps none. */
export function createLedger(limit: number): Ledger {
  const rows: TwinRequest[] = [];
  return {
    rows,
    append(row) {
      if (limit === 0) return;
      rows.push(row);
      // In batches, since shifting one by one would cost the load test.
      if (rows.length > 2 * limit) rows.splice(0, rows.length - limit);
    },
    clear: () => void rows.splice(0),
  };
}
