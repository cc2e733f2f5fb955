import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryShelf, ENTRY_OVERHEAD_BYTES } from '../../src/replay/shelf.ts';

const KEEP_MS = 1000;
const ROOM = 5;
const step = fc.oneof(
  fc.record({ do: fc.constant('put' as const), name: fc.integer({ min: 0, max: 9 }) }),
  fc.record({ do: fc.constant('get' as const), name: fc.integer({ min: 0, max: 9 }) }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 300, KEEP_MS - 1, KEEP_MS) }),
);

describe('the shelf in memory', () => {
  it('holds what a plain list would, through puts, puts again, expiry and want of room', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let now = 0;
        const shelf = createMemoryShelf({
          keepMs: KEEP_MS,
          maxBytes: ROOM * (ENTRY_OVERHEAD_BYTES + 1),
          now: () => now,
        });
        let list: { name: string; record: Buffer; expiresAtMs: number }[] = [];
        for (const [i, each] of steps.entries()) {
          if (each.do === 'advance') now += each.ms;
          list = list.filter(({ expiresAtMs }) => expiresAtMs > now);
          if (each.do === 'put') {
            const entry = { name: `${each.name}`, record: Buffer.from([i]), expiresAtMs: now + KEEP_MS };
            shelf.put(entry.name, entry.record);
            list = [...list.filter(({ name }) => name !== entry.name), entry].slice(-ROOM);
          }
          if (each.do === 'get') {
            expect(shelf.get(`${each.name}`)).toEqual(list.find(({ name }) => name === `${each.name}`)?.record);
          }
          const { entries, bytes } = shelf.readings();
          expect({ entries, bytes }).toEqual({ entries: list.length, bytes: list.length * (ENTRY_OVERHEAD_BYTES + 1) });
          expect([...shelf.dump()]).toEqual(list);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('evicts one for each put when it is full, at 1,000 and at 100,000 entries (time printed)', () => {
    const record = Buffer.alloc(400);
    for (const room of [1000, 100_000]) {
      const shelf = createMemoryShelf({ keepMs: 1000, maxBytes: room * (ENTRY_OVERHEAD_BYTES + 400), now: () => 0 });
      for (let i = 0; i < 2 * room; i++) shelf.put(`name-${i}`, record);
      const start = performance.now();
      for (let i = 0; i < 20_000; i++) shelf.put(`more-${i}`, record);
      const each = ((performance.now() - start) * 1000) / 20_000;
      process.stdout.write(`replay: a put among ${room}: ${each.toFixed(2)} us\n`);
      expect(shelf.readings()).toMatchObject({ entries: room, evicted: room + 20_000 });
    }
  });
});

it('forgets the answers of the oldest before it forgets that they were', () => {
  const shelf = createMemoryShelf({
    keepMs: 1000,
    maxBytes: 4000,
    now: () => 0,
    shrink: (record) => record.subarray(0, 16),
  });
  for (const name of ['a', 'b', 'c']) shelf.put(name, Buffer.alloc(1000, name));
  expect([shelf.get('a')?.length, shelf.get('b')?.length, shelf.get('c')?.length]).toEqual([16, 1000, 1000]);
  for (const name of ['d', 'e']) shelf.put(name, Buffer.alloc(1000, name));
  expect([shelf.get('a')?.length, shelf.get('c')?.length, shelf.get('e')?.length]).toEqual([16, 16, 1000]);
  expect(shelf.readings().bytes).toBeLessThanOrEqual(4000);
  expect(shelf.readings().evicted).toBe(0);
});
