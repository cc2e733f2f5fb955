// The line for a connection: who gets in, who comes next, and that nobody alone fills it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQueue, type Queued } from '../../src/region/queue.ts';

const call = (whose?: string): Queued => ({ whose });

/** @returns how many of `count` calls got in */
function enter(queue: ReturnType<typeof createQueue>, whose: string | undefined, count: number): number {
  return Array.from({ length: count }, () => queue.join(call(whose))).filter((joined) => joined === 'joined').length;
}

describe('the line for a connection', () => {
  it('lets in as many as it may, and the first first', () => {
    const queue = createQueue(3);
    const calls = ['a', 'b', 'c', 'd'].map(call);
    expect(calls.map((each) => queue.join(each))).toEqual(['joined', 'joined', 'joined', 'full']);
    expect([queue.next(), queue.next(), queue.next(), queue.next()]).toEqual([...calls.slice(0, 3), undefined]);
  });

  it('lets nobody in where it has no places', () => {
    expect(createQueue(0).join(call('a'))).toBe('full');
    expect(createQueue(0).join(call())).toBe('full');
  });

  it('has places for one alone up to its half, and for others behind that', () => {
    const queue = createQueue(100);
    expect(enter(queue, 'greedy', 100)).toBe(50);
    expect(enter(queue, 'modest', 1)).toBe(1);
    expect(enter(queue, 'second', 100)).toBe(25);
    expect(enter(queue, 'third', 100)).toBe(24);
    expect(queue.size).toBe(100);
  });

  it('gives one who left the line or was served a place again', () => {
    const queue = createQueue<Queued>(8);
    const mine = Array.from({ length: 4 }, () => call('me'));
    for (const each of mine) queue.join(each);
    expect(enter(queue, 'me', 1)).toBe(0);
    for (const each of mine.slice(1)) queue.leave(each);
    for (const each of mine.slice(1)) queue.leave(each);
    expect(queue.next()).toBe(mine[0]);
    expect([enter(queue, 'others', 4), enter(queue, 'me', 3)]).toEqual([4, 2]);
  });

  it('holds back nothing of the gateway’s own but by its length', () => {
    const queue = createQueue(8);
    expect(enter(queue, undefined, 9)).toBe(8);
  });

  it('is never longer than it may be, and keeps a quarter for others, whoever comes and goes', () => {
    const step = fc.record({ whose: fc.constantFrom('a', 'b', 'c'), does: fc.constantFrom('join', 'leave', 'next') });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.array(step, { maxLength: 200 }), (most, steps) => {
        const queue = createQueue<Queued>(most);
        const model: Queued[] = [];
        for (const { whose, does } of steps) {
          if (does === 'join') {
            const one = call(whose);
            const mine = model.filter((each) => each.whose === whose).length;
            const fits = model.length < most && (mine < Math.max(1, Math.floor(most / 4)) || 2 * model.length < most);
            const expected = model.length >= most ? 'full' : fits ? 'joined' : 'share';
            expect(queue.join(one)).toBe(expected);
            if (fits) model.push(one);
          } else if (does === 'next') expect(queue.next()).toBe(model.shift());
          else {
            const at = model.findIndex((each) => each.whose === whose);
            const [one = call(whose)] = at === -1 ? [] : model.splice(at, 1);
            queue.leave(one);
          }
          expect(queue.size).toBe(model.length);
        }
      }),
    );
  });
});
