// Work in turn, one piece at a time a lane, with a bounded line; equal pieces are done once.

/** Pieces that may wait in one lane, beside the one that is being done. */
const LONGEST_LINE = 16;

export interface Lanes<T> {
  /**
   * @param lane whose turn it is
   * @param piece names the work: who comes with the same name while it waits or runs shares its result
   * @returns the work's result, or undefined at once when the lane's line is full
   */
  run(lane: string, piece: string, work: () => Promise<T>): Promise<T | undefined>;
}

/** State: the lanes in use, as many as requests under way at the most. */
export function createLanes<T>(): Lanes<T> {
  const lanes = new Map<string, { readonly pieces: Map<string, Promise<T>>; tail: Promise<unknown> }>();

  return {
    run(name, piece, work) {
      const lane = lanes.get(name) ?? { pieces: new Map<string, Promise<T>>(), tail: Promise.resolve() };
      const same = lane.pieces.get(piece);
      if (same !== undefined) return same;
      if (lane.pieces.size > LONGEST_LINE) return Promise.resolve(undefined);
      lanes.set(name, lane);
      const done = lane.tail.then(work).finally(() => {
        lane.pieces.delete(piece);
        if (lane.pieces.size === 0) lanes.delete(name);
      });
      lane.pieces.set(piece, done);
      lane.tail = done.catch(() => {});
      return done;
    },
  };
}
