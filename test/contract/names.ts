// What the service makes up differs from run to run. This maps the recorded names to the twin's as the replay goes on.

const KEY = /(?<![0-9a-z])[0-9a-z]{31}(?![0-9a-z])/g;

export interface Names {
  /** Notes that the twin made `actual` where the recording has `recorded`. Throws when it was another one before. */
  learn(recorded: string, actual: string): void;
  /** The text as the twin should be asked, or should answer: also keys in capitals, lengthened or percent-encoded. */
  substitute(recorded: string): string;
}

export function createNames(): Names {
  const known = new Map<string, string>();
  const same = (recorded: string, actual: string) => {
    const before = known.get(recorded);
    if (before !== undefined && before !== actual) throw new Error(`${recorded} was ${before} and is now ${actual}`);
    known.set(recorded, actual);
  };
  return {
    learn(recorded, actual) {
      same(recorded, actual);
      if (recorded.length !== 31) return;
      known.set(recorded.slice(0, 6), actual.slice(0, 6));
      known.set(recorded.slice(0, 8), actual.slice(0, 8));
      known.set(recorded.toUpperCase(), actual.toUpperCase());
      known.set(`${recorded}x`, `${actual}x`);
      known.set(encodeFirst(recorded), encodeFirst(actual));
    },
    substitute(recorded) {
      const whole = known.get(recorded);
      if (whole !== undefined) return whole;
      return recorded
        .replaceAll(
          /[0-9A-Z]{31}(?![0-9A-Za-z])|%[0-9a-f]{2}[0-9a-z]{30}|[0-9a-z]{31}x/g,
          (key) => known.get(key) ?? key,
        )
        .replaceAll(KEY, (key) => known.get(key) ?? key);
    },
  };
}

function encodeFirst(key: string): string {
  return `%${key.charCodeAt(0).toString(16)}${key.slice(1)}`;
}
