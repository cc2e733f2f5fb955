// Wrong tokens by address: the window, and the bound on what is remembered.
import { expect, it } from 'vitest';
import { createThrottle, WINDOW_MS, WRONG_TOKENS } from '../../src/listener/admin-throttle.ts';

function exhausted(throttle: ReturnType<typeof createThrottle>, address: string): void {
  for (let i = 0; i < WRONG_TOKENS; i++) throttle.failed(address);
}

it('makes an address wait until the minute since its first wrong token is over, and not longer', () => {
  let nowMs = 1000;
  const throttle = createThrottle(() => nowMs);
  throttle.failed('192.0.2.1');
  nowMs += 30_000;
  for (let i = 1; i < WRONG_TOKENS; i++) {
    expect(throttle.waitMs('192.0.2.1')).toBe(0);
    throttle.failed('192.0.2.1');
  }
  expect(throttle.waitMs('192.0.2.1')).toBe(30_000);
  nowMs += 29_999;
  expect(throttle.waitMs('192.0.2.1')).toBe(1);
  nowMs += 1;
  expect(throttle.waitMs('192.0.2.1')).toBe(0);
  throttle.failed('192.0.2.1');
  expect(throttle.waitMs('192.0.2.1')).toBe(0);
});

it('remembers a bounded number of addresses: the one that tried longest ago starts anew', () => {
  const throttle = createThrottle(() => 0);
  exhausted(throttle, '192.0.2.1');
  expect(throttle.waitMs('192.0.2.1')).toBe(WINDOW_MS);
  for (let i = 0; i < 4096; i++) throttle.failed(`10.0.${i >> 8}.${i & 255}`);
  expect(throttle.waitMs('192.0.2.1')).toBe(0);
});

it('takes what is no address as itself', () => {
  const throttle = createThrottle(() => 0);
  exhausted(throttle, '');
  exhausted(throttle, 'fe80::1%eth0');
  expect(throttle.waitMs('')).toBe(WINDOW_MS);
  expect(throttle.waitMs('fe80::2%eth1')).toBe(WINDOW_MS);
  expect(throttle.waitMs('fe80:0:0:1::2')).toBe(0);
});
