// Audit records on their way between threads: whole, in order, also of a thread that has ended; and what happens without room.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditKind } from '../../src/audit/record.ts';
import { RING_BYTES } from '../../src/shared-memory/ring.ts';
import { type AuditRings, openAuditRings, ringSink } from '../../src/workers/audit-ring.ts';

/** Far away: tests collect themselves. */
const NEVER_MS = 3_600_000;
const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const now = (): number => NOW;

let said: [AuditKind, string][];
let failing: boolean;
let rings: AuditRings;
beforeEach(() => {
  said = [];
  failing = false;
  rings = open(true);
});
afterEach(() => rings.close());

function open(mustRefuse: boolean): AuditRings {
  const append = (kind: AuditKind, inside: string): void => void said.push([kind, inside]);
  return openAuditRings({ mustRefuse, everyMs: NEVER_MS, append, isFailing: () => failing });
}

const LARGE = `"x":"${'x'.repeat(8000)}"`;

describe('what a worker says', () => {
  it('comes in its order, with the time of what it tells, and once', () => {
    let ms = NOW;
    const sink = ringSink(rings.memoryOf(1), () => ms++);
    sink.append('request', '"n":1');
    sink.append('verify', '"n":2');
    sink.append('violation', '"problem":"account’s"');
    expect(said).toEqual([]);
    rings.collect();
    rings.collect();
    expect(said).toEqual([
      ['request', '"time":"2026-03-01T12:00:00.000Z","n":1'],
      ['verify', '"time":"2026-03-01T12:00:00.001Z","n":2'],
      ['violation', '"time":"2026-03-01T12:00:00.002Z","problem":"account’s"'],
    ]);
  });

  it('of several workers is all there', () => {
    for (const holder of [1, 2, 3]) ringSink(rings.memoryOf(holder), now).append('request', `"by":${holder}`);
    rings.collect();
    expect(said.map(([, inside]) => inside.slice(-6))).toEqual(['"by":1', '"by":2', '"by":3']);
  });

  it('is taken when the rings are closed, and when it has ended; the next one of that number goes on behind it', () => {
    ringSink(rings.memoryOf(1), now).append('request', '"n":1');
    rings.exited(1);
    ringSink(rings.memoryOf(1), now).append('request', '"n":2');
    rings.close();
    expect(said.map(([kind, inside]) => [kind, inside.slice(-5)])).toEqual([
      ['request', '"n":1'],
      ['request', '"n":2'],
    ]);
  });

  it('over many rounds of the ring is whole', () => {
    const sink = ringSink(rings.memoryOf(1), now);
    const count = Math.ceil((3 * RING_BYTES) / LARGE.length);
    for (let n = 0; n < count; n++) {
      sink.append('request', `"n":${n},${LARGE}`);
      if (n % 40 === 0) rings.collect();
    }
    rings.collect();
    expect(said).toHaveLength(count);
    expect(said.every(([, inside], n) => inside.endsWith(`"n":${n},${LARGE}`))).toBe(true);
  });
});

describe('requests under way', () => {
  it('of a worker that has ended are counted as missing, behind what it had said', () => {
    const sink = ringSink(rings.memoryOf(1), now);
    for (let n = 0; n < 3; n++) sink.begins();
    sink.append('request', '"n":1');
    sink.ends();
    rings.exited(1);
    expect(said.map(([kind]) => kind)).toEqual(['request', 'gap']);
    expect(said.at(-1)?.[1]).toBe('"lost":2,"why":"under_way"');
    rings.exited(1);
    expect(said).toHaveLength(2);
  });

  it('that have all come to their records leave no gap, and another worker’s are its own', () => {
    const [one, two] = [ringSink(rings.memoryOf(1), now), ringSink(rings.memoryOf(2), now)];
    one.begins();
    two.begins();
    one.ends();
    rings.exited(1);
    rings.exited(7);
    expect(said).toEqual([]);
  });
});

describe('a ring without room', () => {
  it('lets nothing more leave while little is free, loses nothing of what is under way, and lets go on once it is emptied', () => {
    const sink = ringSink(rings.memoryOf(1), now);
    let appended = 0;
    while (!sink.refuses()) {
      sink.append('request', LARGE);
      appended++;
    }
    expect(appended * LARGE.length).toBeLessThan(RING_BYTES * 0.8);
    for (let n = 0; n < appended / 4; n++) sink.append('request', LARGE);
    rings.collect();
    expect(said.every(([kind]) => kind === 'request')).toBe(true);
    expect(said.length).toBe(appended + Math.ceil(appended / 4));
    expect(sink.refuses()).toBe(false);
  });

  it('counts what finds none, and says how many are missing', () => {
    const sink = ringSink(rings.memoryOf(1), now);
    const count = Math.ceil(RING_BYTES / LARGE.length) + 10;
    for (let n = 0; n < count; n++) sink.append('request', LARGE);
    rings.collect();
    const kept = said.filter(([kind]) => kind === 'request').length;
    expect(kept).toBeLessThan(count);
    expect(said.at(-1)).toEqual(['gap', `"lost":${count - kept}`]);
  });

  it('loses no other record with one that the journal refuses', () => {
    const append = (kind: AuditKind, inside: string): void => {
      if (inside.includes('odd')) throw new RangeError('an audit record with a line break');
      said.push([kind, inside.slice(-5)]);
    };
    const other = openAuditRings({ mustRefuse: true, everyMs: NEVER_MS, append, isFailing: () => false });
    const sink = ringSink(other.memoryOf(1), now);
    for (const inside of ['"n":1', '"n":"odd"', '"n":3']) sink.append('request', inside);
    other.close();
    expect(said).toEqual([
      ['request', '"n":1'],
      ['request', '"n":3'],
      ['gap', 'st":1'],
    ]);
  });

  it('serves all the same where the configuration says so', () => {
    const other = open(false);
    const sink = ringSink(other.memoryOf(1), now);
    for (let n = 0; n < 200; n++) sink.append('request', LARGE);
    failing = true;
    other.collect();
    expect(sink.refuses()).toBe(false);
    other.close();
  });
});

it('a journal that fails is known to every worker with the next look, and that it is good again, too', () => {
  const sinks = [1, 2].map((holder) => ringSink(rings.memoryOf(holder), now));
  const refusing = (): boolean[] => sinks.map((sink) => sink.refuses());
  expect(refusing()).toEqual([false, false]);
  failing = true;
  rings.collect();
  expect(refusing()).toEqual([true, true]);
  // Also to one that is started meanwhile.
  expect(ringSink(rings.memoryOf(3), now).refuses()).toBe(true);
  failing = false;
  rings.collect();
  expect(refusing()).toEqual([false, false]);
});
