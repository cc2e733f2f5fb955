// What is told to the shared shelf behind the requests: nobody waits for it, and it is told again until it is heard.
import type { SharedReplays } from '../store/store.ts';

export interface SharedWrites {
  /**
   * Puts the record in place of the claim, or (undefined) takes the claim away.
   * @returns whether the shelf took it: false when the claim was no longer this owner's; undefined when the shelf did not
   *   answer in time, and the claim lapses. Never rejects.
   */
  settle(name: Buffer, owner: Buffer, record: Buffer | undefined): Promise<boolean | undefined>;
  /** As `settle` without a record, for a claim that may never have been made: at most so many at a time. */
  release(name: Buffer, owner: Buffer): void;
  /** Told and not yet heard. */
  pending(): number;
  /** What is being told now is waited for, nothing is told again. Never rejects. */
  close(): Promise<void>;
}

export interface SharedWritesOptions {
  readonly keepMs: number;
  /** How long to wait before each further attempt. */
  readonly retryMs: readonly number[];
}

/** Of an engine that is away all day, each refused call would leave one behind. Further claims lapse by themselves. */
const MOST_RELEASES = 1000;

export function createSharedWrites(replays: SharedReplays, { keepMs, retryMs }: SharedWritesOptions): SharedWrites {
  const pending = new Set<Promise<unknown>>();
  const sleeping = new Set<() => void>();
  let releases = 0;
  let closed = false;

  function sleep(ms: number): Promise<void> {
    return new Promise((settle) => {
      const wake = (): void => {
        clearTimeout(timer);
        sleeping.delete(wake);
        settle();
      };
      const timer = setTimeout(wake, ms);
      sleeping.add(wake);
    });
  }

  async function tell(name: Buffer, owner: Buffer, record: Buffer | undefined): Promise<boolean | undefined> {
    for (const waitMs of [...retryMs, undefined]) {
      const told = await replays.settle(name, owner, record, keepMs);
      if (told.kind === 'found') return told.value;
      if (waitMs === undefined || closed) break;
      await sleep(waitMs);
      if (closed) break;
    }
    return undefined;
  }

  function settle(name: Buffer, owner: Buffer, record: Buffer | undefined): Promise<boolean | undefined> {
    const told = tell(name, owner, record).finally(() => pending.delete(told));
    pending.add(told);
    return told;
  }

  return {
    settle,
    release(name, owner) {
      if (releases >= MOST_RELEASES || closed) return;
      releases++;
      void settle(name, owner, undefined).then(() => releases--);
    },
    pending: () => pending.size,
    async close() {
      closed = true;
      for (const wake of sleeping) wake();
      await Promise.all(pending);
    },
  };
}
