// A record of the audit log in a sentence, and the parts of it that the tail filters by.
import type { AuditRecord } from '../../listener/admin-live-types.ts';
import { bytes, NOTHING } from './format.ts';

/** A member as text; null and what is not there: undefined. */
export function member(record: AuditRecord, name: string): string | undefined {
  const value = record[name];
  if (value === null || value === undefined) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** What a record says beside its region, account and outcome. */
export function sentence(record: AuditRecord): string {
  const of = (name: string): string => member(record, name) ?? NOTHING;
  switch (record.kind) {
    case 'request':
      return requestSentence(record);
    case 'verify':
      return `${of('route')}: are the credentials good?`;
    case 'violation':
      return `Stopped at the door: ${of('problem')}`;
    case 'directory':
      return [of('what'), member(record, 'detail'), `by ${of('actor')}`]
        .filter((part) => part !== undefined)
        .join(', ');
    case 'reload':
      return `Configuration ${of('result')}, asked by ${of('actor')}`;
    case 'gap':
      return `${of('lost')} records before this one could not be written`;
    case 'head':
      return `Signed: the chain up to ${of('at')}`;
    case 'opened':
      return 'The log was opened';
    case 'closed':
      return 'The log was closed in order';
    default:
      return record.kind;
  }
}

function requestSentence(record: AuditRecord): string {
  const refusal = member(record, 'refusal');
  const status = member(record, 'status') ?? 'caller gone';
  const answer = refusal === undefined ? status : `${status} ${refusal}`;
  const sent = Number(record.sent);
  return `${member(record, 'route') ?? NOTHING}: ${answer}${sent > 0 ? `, ${bytes(sent)}` : ''}`;
}

export interface Filter {
  readonly kind: string;
  readonly region: string;
  readonly outcome: string;
}

/** An empty filter lets everything through. */
export function passes(record: AuditRecord, { kind, region, outcome }: Filter): boolean {
  return (
    (kind === '' || record.kind === kind) &&
    (region === '' || member(record, 'region') === region) &&
    (outcome === '' || (member(record, 'outcome') ?? 'none') === outcome)
  );
}
