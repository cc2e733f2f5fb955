// The ring between two threads: the same texts in the same order, and none that is not whole.
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createRingReader, createRingWriter, RING_BYTES } from '../../src/shared-memory/ring.ts';
import { startThread, type Thread } from './threads.ts';

const HEADER_BYTES = 128;
const small = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(HEADER_BYTES + bytes);

describe('a ring', () => {
  it('gives what was pushed, in order, once', () => {
    const memory = new SharedArrayBuffer(RING_BYTES);
    const [writer, reader] = [createRingWriter(memory), createRingReader(memory)];
    expect(reader.take()).toEqual([]);
    for (const text of ['a', '', 'naïve 日本 😀', 'x'.repeat(5000)]) expect(writer.push(text)).toBe(true);
    expect(reader.take()).toEqual(['a', '', 'naïve 日本 😀', 'x'.repeat(5000)]);
    expect(reader.take()).toEqual([]);
  });

  it('refuses what finds no room, and takes it when there is some', () => {
    const memory = small(64);
    const [writer, reader] = [createRingWriter(memory), createRingReader(memory)];
    expect(writer.push('x'.repeat(40))).toBe(true);
    expect(writer.push('y'.repeat(40))).toBe(false);
    expect(reader.take()).toEqual(['x'.repeat(40)]);
    expect(writer.push('y'.repeat(40))).toBe(true);
    expect(reader.take()).toEqual(['y'.repeat(40)]);
  });

  it('holds exactly its size, with the length of each text', () => {
    const memory = small(64);
    const [writer, reader] = [createRingWriter(memory), createRingReader(memory)];
    expect(writer.push('x'.repeat(60))).toBe(true);
    expect(writer.push('')).toBe(false);
    expect(reader.take()).toEqual(['x'.repeat(60)]);
  });

  it.each([['x'.repeat(61)], ['ü'.repeat(31)]])('throws for a text that never fits', (text) => {
    expect(() => createRingWriter(small(64)).push(text)).toThrow(RangeError);
  });

  it.each([0, 16, 100])('turns away a memory of %i bytes', (bytes) => {
    expect(() => createRingWriter(new SharedArrayBuffer(bytes))).toThrow('not the memory of a ring');
    expect(() => createRingReader(new SharedArrayBuffer(bytes))).toThrow('not the memory of a ring');
  });

  it('goes on when its counters pass 2^32', () => {
    const memory = small(64);
    const counters = new Int32Array(memory, 0, HEADER_BYTES / 4);
    counters.fill(-32);
    const [writer, reader] = [createRingWriter(memory), createRingReader(memory)];
    for (let n = 0; n < 20; n++) {
      expect(writer.push(`text ${n} of some length`)).toBe(true);
      expect(reader.take()).toEqual([`text ${n} of some length`]);
    }
  });

  it('is like a queue with a bound, whatever is pushed and taken when', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
      { weight: 1, arbitrary: fc.constant(undefined) },
    );
    const frame = (text: string): number => 4 + Math.ceil(Buffer.byteLength(text) / 4) * 4;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.constantFrom(512, 1024), (steps, size) => {
        const memory = small(size);
        // Writer and reader of a later thread go on with what is there.
        let writer = createRingWriter(memory);
        let queue: string[] = [];
        for (const text of steps) {
          if (text === undefined) {
            expect(createRingReader(memory).take()).toEqual(queue);
            queue = [];
            writer = createRingWriter(memory);
            continue;
          }
          const used = queue.reduce((sum, queued) => sum + frame(queued), 0);
          const fits = used + frame(text) <= size;
          expect(writer.push(text)).toBe(fits);
          if (fits) queue.push(text);
        }
        expect(createRingReader(memory).take()).toEqual(queue);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a thread that is ended while it pushes', () => {
  let thread: Thread<string, string> | undefined;
  afterEach(() => thread?.kill());

  it('leaves whole texts alone, in order, and the next one goes on behind them', async () => {
    const memory = new SharedArrayBuffer(RING_BYTES);
    const counter = new Int32Array(new SharedArrayBuffer(4));
    const reader = createRingReader(memory);
    let expected = 0;

    function check(texts: readonly string[]): void {
      for (const text of texts) {
        const [number = ''] = text.split(':', 1);
        // The counter is moved behind the push: a thread that ended in between lets one be pushed again.
        if (Number(number) === expected - 1) expected--;
        expect(text).toBe(`${expected}:${'ü'.repeat(expected % 97)}`);
        expected++;
      }
    }

    for (let round = 1; round <= 5; round++) {
      thread = await startThread<string, string>(new URL('ring.worker.ts', import.meta.url), { memory, counter });
      const answered = thread.ask('go').catch(() => undefined);
      const goal = expected + 20_000;
      const endMs = performance.now() + 20_000;
      while (expected < goal && performance.now() < endMs) {
        check(reader.take());
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(expected).toBeGreaterThanOrEqual(goal);
      await thread.kill();
      void answered;
      check(reader.take());
      expect(expected - Atomics.load(counter, 0)).toBeOneOf([0, 1]);
    }
  });
});
