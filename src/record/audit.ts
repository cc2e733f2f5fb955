// What of a request, and of what operators do, goes into the audit log (docs/audit.md): hashes, words of closed lists and
// numbers. Lines are put together by hand, as those of the access log are (access-line.ts): nothing in them needs escaping
// but what says so.
import type { AuditKind } from '../audit/record.ts';
import type { Locality, Outcome, RegionName, Standing } from '../domain.ts';
import type { Trip } from './record.ts';

/** Where records go: the journal, or the way to the thread that has it. */
export interface AuditSink {
  /** @param inside members of the record's object: journal.ts */
  append(kind: AuditKind, inside: string): void;
  /** A request begins: it may be sent, and its record comes when it is over. */
  begins(): void;
  /** Its record was appended. */
  ends(): void;
  /** Whether nothing may leave, since nobody would know that it did. */
  refuses(): boolean;
}

export const NO_AUDIT: AuditSink = { append() {}, begins() {}, ends() {}, refuses: () => false };

/** Members of a gap: requests that had begun, and never came to their records. Some of them may have been sent. */
export function unrecorded(requests: number): string {
  return `"lost":${requests},"why":"under_way"`;
}

/** For whom something left, and where it went: as region/forward.ts has it. */
export interface Left {
  readonly requestId: string | undefined;
  readonly account: string | undefined;
  readonly standing: Standing | undefined;
  readonly upstream: string | undefined;
  readonly certificate: string | undefined;
}

export interface Audit {
  /** A request is over. @param delivered whether its caller took the answer */
  request(trip: Trip, delivered: boolean): void;
  /** The question whether credentials are good is over. */
  verify(region: RegionName, outcome: Outcome, left: Left): void;
  /** Something was stopped on its way out. */
  violation(problem: string, region: RegionName, left: Left): void;
  /** The directory changed. @param detail without names */
  directory(change: {
    readonly what: string;
    readonly account: string | undefined;
    readonly actor: string;
    readonly detail: string;
    readonly epoch: number;
  }): void;
  /** @param facts plain values */
  reload(facts: Readonly<Record<string, string | readonly string[]>>): void;
}

const text = (value: string | undefined): string => (value === undefined ? 'null' : `"${value}"`);

function localityOf(standing: Standing | undefined): Locality | undefined {
  return typeof standing === 'object' ? standing : undefined;
}

function accountOf(account: string | undefined, standing: Standing | undefined): string {
  const locality = localityOf(standing);
  const pinned = locality === undefined ? 'null' : String(locality.pinned);
  return `"account":${text(account)},"pinned":${pinned},"home":${text(locality?.home)}`;
}

function requestInside(trip: Trip, delivered: boolean): string {
  const { route } = trip;
  return `"request":"${trip.requestId}","route":"${route?.id ?? 'none'}","effect":"${route?.effect ?? 'none'}",${accountOf(
    trip.account,
    trip.standing,
  )},"region":${text(trip.region)},"upstream":${text(trip.upstream)},"certificate":${text(
    trip.certificate,
  )},"reason":${text(trip.reason)},"refusal":${text(trip.refusal)},"status":${
    delivered ? trip.status : 'null'
  },"outcome":${text(trip.outcome)},"epoch":${trip.epoch},"received":${trip.receivedBytes},"sent":${trip.sentBytes}`;
}

/** Of what decide took for a region, which may be anything that a caller said. */
const REGION_UNITS = 64;

/** The members of an object of any values, without its braces. */
function insideOf(facts: object): string {
  return JSON.stringify(facts).slice(1, -1);
}

/** @param epoch of the directory, as of now */
export function createAudit({ append, ends }: Pick<AuditSink, 'append' | 'ends'>, epoch: () => number): Audit {
  return {
    request(trip, delivered) {
      append('request', requestInside(trip, delivered));
      ends();
    },
    verify(region, outcome, { account, standing, upstream, certificate }) {
      const where = `"region":${text(region)},"upstream":${text(upstream)},"certificate":${text(certificate)}`;
      append('verify', `${accountOf(account, standing)},${where},"outcome":"${outcome}","epoch":${epoch()}`);
    },
    violation(problem, region, { requestId, account, standing }) {
      const about = insideOf({ problem, region: region.slice(0, REGION_UNITS), request: requestId ?? null });
      append('violation', `${about},${accountOf(account, standing)}`);
    },
    directory(change) {
      append('directory', insideOf({ ...change, account: change.account ?? null }));
    },
    reload(facts) {
      append('reload', insideOf(facts));
    },
  };
}
