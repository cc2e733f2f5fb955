// What a record of the log says of an account: a row of a report.
import type { AuditKind, AuditRecord } from './record.ts';

/** What a record says of the account. Members that a kind does not have are null. */
export interface Entry {
  readonly seq: number;
  readonly time: string;
  readonly kind: AuditKind;
  readonly request: string | null;
  readonly route: string | null;
  readonly effect: string | null;
  readonly region: string | null;
  readonly home: string | null;
  readonly pinned: boolean | null;
  readonly upstream: string | null;
  readonly certificate: string | null;
  readonly reason: string | null;
  readonly refusal: string | null;
  readonly status: number | null;
  readonly outcome: string | null;
  readonly epoch: number | null;
  readonly received: number | null;
  readonly sent: number | null;
  /** Of a violation, what was stopped; of a change of the directory, what was changed, by whom. */
  readonly what: string | null;
  readonly actor: string | null;
  readonly detail: string | null;
}

/** Whether a record means that a region got, or may have got, something. */
export function wasSent({ kind, region, outcome }: Pick<Entry, 'kind' | 'region' | 'outcome'>): boolean {
  return (
    (kind === 'request' || kind === 'verify') && region !== null && (outcome === 'delivered' || outcome === 'unknown')
  );
}

export function entryOf(record: AuditRecord): Entry {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);
  const { seq, time, kind } = record;
  return {
    seq,
    time,
    kind,
    request: text(record.request),
    route: text(record.route),
    effect: text(record.effect),
    region: text(record.region),
    home: text(record.home),
    pinned: typeof record.pinned === 'boolean' ? record.pinned : null,
    upstream: text(record.upstream),
    certificate: text(record.certificate),
    reason: text(record.reason),
    refusal: text(record.refusal),
    status: number(record.status),
    outcome: text(record.outcome),
    epoch: number(record.epoch),
    received: number(record.received),
    sent: number(record.sent),
    what: text(record.what) ?? text(record.problem),
    actor: text(record.actor),
    detail:
      typeof record.detail === 'object' && record.detail !== null ? JSON.stringify(record.detail) : text(record.detail),
  };
}
