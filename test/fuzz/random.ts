// Chance that can be had again: the same seed makes the same run.

export interface Random {
  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number;
  /** @throws RangeError when there is nothing to choose from */
  pick<T>(from: readonly T[]): T;
}

/** Mulberry32, whose state is one word: each case has a generator of its own, and needs none of those before it. */
export function createRandom(seed: number, turn = 0): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(turn + 1, 0x85ebca6b)) >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const below = (end: number): number => Math.floor(next() * end);
  return {
    below,
    pick(from) {
      const at = below(from.length);
      const found = from[at];
      if (found === undefined) throw new RangeError('nothing to choose from');
      return found;
    },
  };
}
