import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Pieces } from '../src/pieces.ts';

function taken(all: readonly Buffer[]): Pieces {
  const pieces = new Pieces();
  for (const piece of all) pieces.add(piece);
  return pieces;
}

it('are the bytes that came, in their order, however they were cut', () => {
  const cut = fc.oneof(fc.uint8Array({ maxLength: 3 }), fc.uint8Array({ maxLength: 2000, size: 'max' }));
  fc.assert(
    fc.property(fc.array(cut, { maxLength: 600, size: 'max' }), (cuts) => {
      const all = cuts.map((bytes) => Buffer.from(bytes));
      const pieces = taken(all);
      expect(pieces.whole().equals(Buffer.concat(all))).toBe(true);
      expect(Buffer.concat([...pieces]).equals(Buffer.concat(all))).toBe(true);
    }),
    { numRuns: 50 },
  );
});

it('are few, also of a sender that sends single bytes', () => {
  const pieces = taken(Array.from({ length: 100_000 }, (_, at) => Buffer.from([at % 256])));
  expect([...pieces].length).toBeLessThan(1000);
  expect(pieces.whole()).toHaveLength(100_000);
});

it('are as they came where one is all', () => {
  const only = Buffer.from('one');
  expect(taken([only]).whole()).toBe(only);
  expect(taken([]).whole()).toHaveLength(0);
});

it('are gone when they are let go of', () => {
  const pieces = taken([Buffer.from('one'), Buffer.from('two')]);
  pieces.clear();
  expect(pieces.whole()).toHaveLength(0);
  pieces.add(Buffer.from('three'));
  expect(pieces.whole().toString()).toBe('three');
});
