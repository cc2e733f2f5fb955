// Whether the embedded engine answers, as metrics and operators see it.
import type { StoreReadings } from './store.ts';

export interface Standing {
  answered(): void;
  failed(): void;
  readings(): StoreReadings;
}

/** @param isUsable whether the file is open and still the one under its path */
export function createStanding(isUsable: () => boolean): Standing {
  let up = true;
  let wentAway = 0;
  let failed = 0;
  return {
    answered() {
      up = true;
    },
    failed() {
      failed++;
      if (up) wentAway++;
      up = false;
    },
    readings: () => ({ up: up && isUsable(), wentAway, failed }),
  };
}
