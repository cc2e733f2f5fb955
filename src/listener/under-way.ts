// Requests that have begun and are not recorded yet.

export interface UnderWay {
  begins(): void;
  /** It is recorded. */
  ends(): void;
  /** @returns whether none is under way, now or within `boundMs` */
  over(boundMs: number): Promise<boolean>;
}

export function createUnderWay(): UnderWay {
  let count = 0;
  let tell: (() => void) | undefined;
  return {
    begins() {
      count++;
    },
    ends() {
      if (--count === 0) tell?.();
    },
    async over(boundMs) {
      if (count === 0) return true;
      const none = Promise.withResolvers<boolean>();
      tell = () => none.resolve(true);
      const timer = setTimeout(() => none.resolve(count === 0), boundMs);
      return none.promise.finally(() => clearTimeout(timer));
    },
  };
}
