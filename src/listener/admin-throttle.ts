// How often one address may try wrong tokens. A token has 256 random bits, so this is no defence of the tokens; it keeps
// the log and the processor free of somebody who tries all the same.
import { createHmac, randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { createBounded } from '../bounded.ts';

export const WRONG_TOKENS = 20;
export const WINDOW_MS = 60_000;
const ADDRESSES = 4096;
/** Who has one IPv6 address has its whole /64. */
const IPV6_BYTES = 8;

export interface Throttle {
  /** How long this address has to wait; 0: it may try. */
  waitMs(address: string): number;
  /** It tried a wrong token. */
  failed(address: string): void;
}

/** Bounded: of more than 4096 addresses within a minute, the ones that tried longest ago start anew. */
export function createThrottle(now: () => number): Throttle {
  // Addresses do not lie in memory as they are, so that no crash dump holds them.
  const secret = randomBytes(32);
  const windows = createBounded<{ count: number; readonly endsMs: number }>(ADDRESSES);

  function current(address: string): { key: string; window: { count: number; readonly endsMs: number } | undefined } {
    const key = createHmac('sha256', secret).update(network(address)).digest('base64');
    const window = windows.get(key);
    return { key, window: window !== undefined && window.endsMs > now() ? window : undefined };
  }

  return {
    waitMs(address) {
      const { window } = current(address);
      return window !== undefined && window.count >= WRONG_TOKENS ? window.endsMs - now() : 0;
    },
    failed(address) {
      const { key, window } = current(address);
      if (window === undefined) windows.set(key, { count: 1, endsMs: now() + WINDOW_MS });
      else window.count++;
    },
  };
}

function network(address: string): string {
  const plain = address.split('%')[0] ?? '';
  return isIPv6(plain) ? `${ipaddr.parse(plain).toByteArray().slice(0, IPV6_BYTES)}` : plain;
}
