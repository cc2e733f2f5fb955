// Which refusals a route can meet. Closed: a new code without a line here does not compile.
import type { Route } from '../domain.ts';
import { REFUSAL_CODES, Refusal, type RefusalCode } from '../refusal.ts';

type When = (route: Route) => boolean;

const isReference: When = ({ version }) => version === 'reference';
/** What goes to a region. */
const isCall: When = ({ version }) => version === 'v1' || version === 'v2';
const isIdentified: When = (route) => !isReference(route);
const hasKey: When = ({ key }) => key !== 'none';
const changes: When = ({ effect }) => effect !== 'none';
const always: When = () => true;
/** Only paths and methods that are in no row. */
const never: When = () => false;

const WHEN: Readonly<Record<RefusalCode, When>> = {
  request_malformed: always,
  path_malformed: hasKey,
  key_malformed: hasKey,
  header_duplicated: isIdentified,
  continue_refused: ({ version, key, effect }) => version === 'v2' && key === 'secret' && effect === 'none',
  // A link offers a page in place of these.
  unknown_region: isCall,
  region_conflict: isCall,
  region_required: isCall,
  authentication_required: ({ access }) => access === 'private',
  credentials_malformed: isIdentified,
  credentials_rejected: isCall,
  unknown_account: isCall,
  region_not_allowed: isCall,
  held_elsewhere: (route) => isCall(route) && hasKey(route),
  pin_violation: isCall,
  audit_unavailable: isCall,
  overloaded: always,
  too_many_connections: always,
  not_found: isReference,
  method_not_allowed: never,
  request_timeout: always,
  body_too_large: isCall,
  target_too_long: always,
  misdirected: isCall,
  rate_limited: isIdentified,
  headers_too_large: always,
  idempotency_key_malformed: changes,
  idempotency_key_reused: changes,
  internal_error: always,
  region_unreachable: isCall,
  region_failed: isCall,
  answer_not_kept: changes,
  answer_withheld: ({ answer }) => answer === 'without_secret_keys',
  region_down: isCall,
  region_busy: isCall,
  region_drained: isCall,
  account_moving: ({ effect }) => effect === 'creates',
  replay_unavailable: changes,
  directory_unavailable: isCall,
  index_unavailable: hasKey,
  verification_unavailable: isCall,
  region_timeout: isCall,
};

/** Only where answers are kept for repeats. */
const REPLAY: ReadonlySet<RefusalCode> = new Set([
  'idempotency_key_malformed',
  'idempotency_key_reused',
  'answer_not_kept',
  'replay_unavailable',
]);

/** The codes that a route can be refused with, by their status, in ascending order. */
export function refusalsOf(route: Route, replays: boolean): ReadonlyMap<number, readonly RefusalCode[]> {
  const codes = REFUSAL_CODES.filter((code) => WHEN[code](route) && (replays || !REPLAY.has(code)));
  return new Map([...Map.groupBy(codes, statusOf)].toSorted(([one], [other]) => one - other));
}

export function statusOf(code: RefusalCode): number {
  return new Refusal(code).status;
}
