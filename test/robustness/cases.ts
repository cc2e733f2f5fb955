// Every case, in the order of the table.
import type { Case, Section } from './case.ts';
import { REQUEST_BOUNDS } from './cases-bounds.ts';
import { HEADS } from './cases-caller.ts';
import { BODIES_AND_MORE } from './cases-caller-more.ts';
import { HTTP2 } from './cases-http2.ts';
import { PROXY_HEADERS } from './cases-proxy-header.ts';
import { ODD_ANSWERS } from './cases-region.ts';
import { BROKEN_OFF } from './cases-region-stages.ts';

export const CALLERS: readonly Section[] = [
  ...HEADS,
  ...BODIES_AND_MORE,
  ...REQUEST_BOUNDS,
  ...PROXY_HEADERS,
  ...HTTP2,
];
/** Each is sent one call that destroys a secret, if its case says nothing else. */
export const REGIONS: readonly Section[] = [...ODD_ANSWERS, ...BROKEN_OFF];

export const CASES: readonly Case[] = [...CALLERS, ...REGIONS].flatMap(({ cases }) => cases);
