import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSample, type Ended, isOrdinary } from '../../src/record/sampling.ts';

describe('the share', () => {
  it('of 1 is all requests, of 0 none', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect([createSample(1)(id), createSample(0)(id)]).toEqual([true, false]);
      }),
    );
  });

  it('is the same in every thread, and part of every larger one', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.uuid(), share, share, (id, one, other) => {
        expect(createSample(one)(id)).toBe(createSample(one)(id));
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        if (createSample(less)(id)) expect(createSample(more)(id)).toBe(true);
      }),
    );
  });

  it.each([0.001, 0.1, 0.5, 0.9])('of %f is about that many of the ids that requests get', (share) => {
    const isOfIt = createSample(share);
    const count = 100_000;
    const found = Array.from({ length: count }, () => randomUUID()).filter(isOfIt).length;
    // Six standard deviations: off once in five hundred million runs.
    expect(Math.abs(found - share * count)).toBeLessThan(6 * Math.sqrt(share * (1 - share) * count));
  });
});

describe('an ordinary request', () => {
  const good: Ended = {
    requestId: randomUUID(),
    refusal: undefined,
    outcome: 'delivered',
    cause: undefined,
    status: 200,
  };

  it.each([200, 204, 302, 399])('was answered %i', (status) => {
    expect(isOrdinary({ ...good, status }, true, 12, 1000)).toBe(true);
  });

  it('was answered here, and nothing sent', () => {
    expect(isOrdinary({ ...good, outcome: undefined }, true, 12, 1000)).toBe(true);
  });

  it.each<[string, Partial<Ended>]>([
    ['a refusal', { refusal: 'rate_limited', status: 429 }],
    ['an error of the region', { status: 500 }],
    ['what the region does not know', { status: 404 }],
    ['an unknown outcome', { outcome: 'unknown' }],
    ['a failure', { cause: new Error('x') }],
  ])('is not %s', (_, ended) => {
    expect(isOrdinary({ ...good, ...ended }, true, 12, 1000)).toBe(false);
  });

  it('is not one whose caller is gone, nor a slow one', () => {
    expect(isOrdinary(good, false, 12, 1000)).toBe(false);
    expect(isOrdinary(good, true, 1000, 1000)).toBe(false);
    expect(isOrdinary(good, true, 999.9, 1000)).toBe(true);
  });
});
