// The line for a connection: first come, first served. It is bounded, and once it is half full nobody alone may take more than
// a quarter of it: who sends a thousand calls to a slow region must not keep everybody else from it.

/** Whoever waits. */
export interface Queued {
  /** Whose call it is: calls with the same text share. Undefined: the gateway's own, which no share holds back. */
  readonly whose: string | undefined;
}

/** Whether somebody is in the line, or why not: it is full, or whoever it is has a full share of it. */
export type Joined = 'joined' | 'full' | 'share';

export interface Queue<Waiter extends Queued> {
  join(waiter: Waiter): Joined;
  /** Who is not in it any more leaves nothing. */
  leave(waiter: Waiter): void;
  /** Takes out who has waited longest. */
  next(): Waiter | undefined;
  readonly size: number;
}

/** Of the line, once it is half full. */
const SHARE = 1 / 4;

/** @param most that may wait; 0: nobody does */
export function createQueue<Waiter extends Queued>(most: number): Queue<Waiter> {
  const line = new Set<Waiter>();
  /** How many each one has in it: as many entries as there are who wait. */
  const places = new Map<string, number>();
  const share = Math.max(1, Math.floor(most * SHARE));

  function leave(waiter: Waiter): void {
    const { whose } = waiter;
    if (!line.delete(waiter) || whose === undefined) return;
    const left = (places.get(whose) ?? 1) - 1;
    if (left === 0) places.delete(whose);
    else places.set(whose, left);
  }

  return {
    join(waiter) {
      if (line.size >= most) return 'full';
      const { whose } = waiter;
      if (whose !== undefined) {
        const held = places.get(whose) ?? 0;
        if (held >= share && 2 * line.size >= most) return 'share';
        places.set(whose, held + 1);
      }
      line.add(waiter);
      return 'joined';
    },
    leave,
    next() {
      const [first] = line;
      if (first !== undefined) leave(first);
      return first;
    },
    get size() {
      return line.size;
    },
  };
}
