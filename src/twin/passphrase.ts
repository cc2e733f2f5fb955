// 0.26 locks a secret for 30 minutes after 20 wrong passphrases in 10 minutes, even for the right one (UPSTREAM.md).

export interface PassphraseLock {
  locked(key: string): boolean;
  wrong(key: string): void;
  right(key: string): void;
}

const ATTEMPTS = 20;
const WINDOW_MS = 10 * 60 * 1000;
const LOCK_MS = 30 * 60 * 1000;

interface Attempts {
  count: number;
  endsAtMs: number;
}

export function createPassphraseLock(enabled: boolean, now: () => number): PassphraseLock {
  const attempts = new Map<string, Attempts>();
  const current = (key: string): Attempts => {
    const found = attempts.get(key);
    return found !== undefined && found.endsAtMs > now() ? found : { count: 0, endsAtMs: now() + WINDOW_MS };
  };
  return {
    locked: (key) => current(key).count >= ATTEMPTS,
    wrong(key) {
      if (!enabled) return;
      const counted = current(key);
      counted.count += 1;
      if (counted.count >= ATTEMPTS) counted.endsAtMs = now() + LOCK_MS;
      attempts.set(key, counted);
    },
    right: (key) => void attempts.delete(key),
  };
}
