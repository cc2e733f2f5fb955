// Bounds of a front that are in nobody's way.
import type { Front } from '../../src/listener/fronts.ts';

export const BOUNDS: Pick<Front, 'bodyLimitBytes' | 'timeoutMs' | 'storeTimeoutMs' | 'head' | 'connections'> = {
  bodyLimitBytes: 1024,
  timeoutMs: 5000,
  storeTimeoutMs: 50,
  head: { timeoutMs: 5000, headerBytes: 16_384, headerCount: 100, targetBytes: 8192 },
  connections: {
    requests: Number.POSITIVE_INFINITY,
    idleMs: 72_000,
    perAddress: Number.POSITIVE_INFINITY,
    ipv6Prefix: 64,
    isExempt: () => false,
  },
};
