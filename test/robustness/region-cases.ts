// What all cases of a region have in common: it is sent one call that destroys a secret.
import type { Case } from './case.ts';
import { isPassed, isTold } from './judge.ts';
import type { Behave } from './witness.ts';

const LINES = [
  'Host: gateway',
  'Connection: close',
  'Content-Type: application/x-www-form-urlencoded',
  'Content-Length: 0',
];
export const REVEAL = `POST /api/v1/secret/abcdefghij0123456789abcdefghij0 HTTP/1.1\r\n${LINES.join('\r\n')}\r\n\r\n`;

/** The region gets the one request; its answer does not arrive: 502 or 504, and the outcome is unknown. */
export function broken(name: string, sent: string, region: Behave, judge: Case['judge'] = isTold, status = 502): Case {
  return {
    name,
    sent,
    by: 'region',
    bytes: REVEAL,
    region,
    judge,
    gateway: { status, outcome: 'unknown', requests: 1 },
  };
}

/** The region's answer can be read, and is delivered. */
export function odd(name: string, sent: string, region: Behave, status = 200, judge = isPassed(status)): Case {
  return {
    name,
    sent,
    by: 'region',
    bytes: REVEAL,
    region,
    judge,
    gateway: { status, outcome: 'delivered', requests: 1 },
  };
}
