// How the address of a client is written in the log: it may be a person's, so it is written only where that is asked for.
import type { DigestParts } from '../keyed-hash.ts';

/** 16 hex digits: enough to tell clients apart, as with accounts. */
const HASH_BYTES = 8;

/**
 * @param kind log.client of the configuration
 * @param digest keyed, so that nobody finds addresses by trying them all; the same after a restart and in all threads
 * @returns from an address in canonical text (domain.ts, Caller) to its text in the log; undefined: none is written
 */
export function clientText(
  kind: 'none' | 'hash' | 'address',
  digest: DigestParts,
): ((address: string) => string) | undefined {
  if (kind === 'none') return undefined;
  if (kind === 'address') return (address) => address;
  return (address) => Buffer.from(digest('log-client', address).slice(0, HASH_BYTES), 'latin1').toString('hex');
}
