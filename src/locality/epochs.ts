// Which requests are under way, by the state of the directory in which they were located: a gateway says that it has seen
// a change only when every request that was located before it is over.
import type { Mark } from '../store/directory-store.ts';

/** One state of the directory, and the requests that began in it. */
export interface Era {
  readonly mark: Mark | undefined;
  requests: number;
}

export interface Epochs {
  /** A request begins; give it back to `leave` when it is over. On the hot path: no allocation. */
  enter(): Era;
  leave(era: Era): void;
  /** What requests that begin from now on are located in. */
  moveOn(mark: Mark): void;
  /** Every request located before this epoch is over. 0: some began in another generation, or before any was seen. */
  settled(): number;
}

export function createEpochs(): Epochs {
  let current: Era = { mark: undefined, requests: 0 };
  /** Those with requests under way, oldest first, and the current one. */
  let eras: Era[] = [current];

  return {
    enter() {
      current.requests++;
      return current;
    },
    leave(era) {
      era.requests--;
    },
    moveOn(mark) {
      if (current.mark?.generation === mark.generation && current.mark.epoch === mark.epoch) return;
      current = { mark, requests: 0 };
      eras = [...eras.filter(({ requests }) => requests > 0), current];
    },
    settled() {
      const oldest = eras.find((era) => era.requests > 0) ?? current;
      return oldest.mark !== undefined && oldest.mark.generation === current.mark?.generation ? oldest.mark.epoch : 0;
    },
  };
}
