// How much a connection may send that is of no request.
import { expect, it } from 'vitest';
import { Noise, type Traffic } from '../../src/listener/http2-noise.ts';

const BOUNDS = { burstBytes: 1000, bytesPerSecond: 100 };
const QUIET: Traffic = { received: 0, sent: 0, requests: 0, useful: 0 };

it('is bounded at once, and refilled with time, up to the same', () => {
  const noise = new Noise(BOUNDS);
  expect(noise.isTooMuch({ ...QUIET, received: 1000 }, 0)).toBe(false);
  expect(noise.isTooMuch({ ...QUIET, received: 1050 }, 500)).toBe(false);
  expect(noise.isTooMuch({ ...QUIET, received: 1051 }, 0)).toBe(true);
  const later = new Noise(BOUNDS);
  expect(later.isTooMuch({ ...QUIET, received: 1000 }, 3_600_000)).toBe(false);
  expect(later.isTooMuch({ ...QUIET, received: 1001 }, 0)).toBe(true);
});

it('is nothing of requests, their frames, or windows for what was sent', () => {
  const noise = new Noise(BOUNDS);
  expect(noise.isTooMuch({ received: 10_000_000, sent: 0, requests: 100, useful: 9_990_000 }, 250)).toBe(false);
  expect(noise.isTooMuch({ received: 10_500_000, sent: 50_000_000, requests: 100, useful: 9_990_000 }, 250)).toBe(
    false,
  );
});

it('that was, is not taken back by requests that come later', () => {
  const noise = new Noise(BOUNDS);
  expect(noise.isTooMuch({ ...QUIET, received: 900 }, 0)).toBe(false);
  expect(noise.isTooMuch({ ...QUIET, received: 900, requests: 1000 }, 0)).toBe(false);
  expect(noise.isTooMuch({ ...QUIET, received: 257_001, requests: 1000 }, 0)).toBe(true);
});
