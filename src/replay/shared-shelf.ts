// What lies under the names of calls with Idempotency-Key, for all threads of this gateway: held by the main thread, in
// memory, and otherwise as an engine holds it for gateways (store/valkey-replays.ts). A claim stands until it is settled or
// its thread ends, so it needs no clock.
import type { SharedRecord } from '../store/store.ts';
import { marker, markerOf } from './seal.ts';
import { NONE_SENT, type Sent } from './sent.ts';
import { createMemoryShelf } from './shelf.ts';

/** As SharedReplays, which says more; `holder` is the number of the thread that asks. */
export interface HostedReplays {
  begin(holder: number, name: Buffer, check: Buffer, owner: Buffer): SharedRecord;
  /** Whether the claim still stands. */
  extend(name: Buffer, owner: Buffer): boolean;
  settle(name: Buffer, owner: Buffer, record: Buffer | undefined): boolean;
  /** Resolves when no claim stands under this name, or the thread that asks has ended. */
  over(holder: number, name: Buffer): Promise<void>;
  /**
   * A thread has ended: what it had claimed may have been sent, and nobody knows what came of it.
   * @returns how many that are
   */
  ended(holder: number): number;
}

export interface HostedReplaysOptions {
  readonly keepMs: number;
  /** Of what is kept, oldest out first (shelf.ts). Claims are as many as requests in flight, at most. */
  readonly maxBytes: number;
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number;
  /** What outlives this process. */
  readonly sent?: Sent;
}

interface Claim {
  readonly holder: number;
  readonly check: Buffer;
  readonly owner: Buffer;
  readonly takeBack: () => void;
  /** Made for the first who waits. */
  waiting: Set<Waiter> | undefined;
}

interface Waiter {
  readonly holder: number;
  readonly go: () => void;
}

/** State: the claims, and the shelf. */
export function createHostedReplays(options: HostedReplaysOptions): HostedReplays {
  const { sent = NONE_SENT } = options;
  const shelf = createMemoryShelf({ ...options, shrink: markerOf });
  const claims = new Map<string, Claim>();

  function end(name: string, claim: Claim, record: Buffer | undefined): void {
    claims.delete(name);
    if (record === undefined) claim.takeBack();
    else shelf.put(name, record);
    for (const { go } of claim.waiting ?? []) go();
  }

  return {
    begin(holder, nameBytes, check, owner) {
      const name = nameBytes.toString('latin1');
      const claim = claims.get(name);
      // An asker that finds its own claim asked before and did not hear the answer.
      if (claim !== undefined && !claim.owner.equals(owner)) return { kind: 'under_way', check: claim.check };
      const record = claim === undefined ? (shelf.get(name) ?? sent.before(name)) : undefined;
      if (record !== undefined) return { kind: 'record', record };
      if (claim === undefined) {
        claims.set(name, { holder, check, owner, takeBack: sent.put(name, check), waiting: undefined });
      }
      return { kind: 'claimed' };
    },
    extend: (name, owner) => claims.get(name.toString('latin1'))?.owner.equals(owner) ?? false,
    settle(nameBytes, owner, record) {
      const name = nameBytes.toString('latin1');
      const claim = claims.get(name);
      if (claim !== undefined) {
        if (!claim.owner.equals(owner)) return false;
        end(name, claim, record);
        return true;
      }
      // That it was sent must be known, however that claim got lost.
      if (record === undefined || shelf.get(name) !== undefined) return false;
      shelf.put(name, record);
      return true;
    },
    async over(holder, name) {
      const claim = claims.get(name.toString('latin1'));
      if (claim === undefined) return;
      claim.waiting ??= new Set();
      const { waiting } = claim;
      await new Promise<void>((go) => waiting.add({ holder, go }));
    },
    ended(holder) {
      for (const { waiting } of claims.values()) {
        for (const waiter of waiting ?? []) {
          if (waiter.holder !== holder) continue;
          waiting?.delete(waiter);
          waiter.go();
        }
      }
      const held = [...claims].filter(([, claim]) => claim.holder === holder);
      // Sent once, as far as anybody knows, without an answer: what is kept of an answer that is too long says the same.
      for (const [name, claim] of held) end(name, claim, marker(claim.check));
      return held.length;
    },
  };
}
