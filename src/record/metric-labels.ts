// The values that labels of metrics can have, beside those of the route table and the configured regions: closed lists.
import type { Effect, Outcome } from '../domain.ts';

export type AnswerClass = '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'gone';
export const EFFECTS: readonly Effect[] = ['none', 'creates', 'advances', 'destroys'];
export const OUTCOMES: readonly Outcome[] = ['delivered', 'unknown', 'not_sent'];
export const MODES = ['enforce', 'shadow'] as const;
export const NO_PLACE = ['all', 'address'] as const;
export const LOADS = ['anonymous', 'authenticated'] as const;
/** Of region/dial.ts. */
export const TLS_REASONS = ['untrusted', 'expired', 'name', 'pin', 'protocol'] as const;
/** Of region/tunnel-fault.ts. */
export const PROXY_REASONS = [
  'unreachable',
  'timeout',
  'stalled',
  'closed',
  'garbled',
  'authentication',
  'refused',
  'no_route',
] as const;
/** Of region/queue.ts and region.ts. */
export const TURNED = ['full', 'share', 'late'] as const;
/** Of listener/proxy-protocol.ts. */
export const PROXY_RESULTS = ['named', 'own', 'missing', 'malformed', 'timeout', 'unfinished'] as const;
export const PROBE_ANSWERS = ['up', 'down', 'nothing'] as const;
const CLASSES: readonly AnswerClass[] = ['1xx', '2xx', '3xx', '4xx', '5xx'];

/** The class of an HTTP status. */
export function classOf(status: number): AnswerClass {
  return CLASSES[Math.floor(status / 100) - 1] ?? '5xx';
}
