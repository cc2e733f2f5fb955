// Cases of callers over HTTP/2.
import type { Case } from './case.ts';
import type { Framed } from './http2-exchange.ts';
import { isRefused } from './judge.ts';

/** Refused, if its case says nothing else. */
export function over2(
  name: string,
  sent: string,
  framed: Framed,
  gateway: Case['gateway'],
  more: Partial<Case> = {},
): Case {
  return { name, sent, by: 'caller', bytes: '', framed, variant: 'http2', judge: isRefused(), gateway, ...more };
}
