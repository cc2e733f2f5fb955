// What SharedReplays promises, in memory with a clock moved by hand: the oracle of the engine's scripts, and the shelf of
// tests of the vault that need faults at will. test/store/valkey-shared-replays.test.ts holds the two to each other.
import type { Found } from '../../src/domain.ts';
import type { SharedRecord, SharedReplays } from '../../src/store/store.ts';

type Entry = { readonly expiresAtMs: number } & (
  | { readonly owner: Buffer; readonly check: Buffer; readonly untilMs: number }
  | { readonly record: Buffer }
);

export interface ReplayModel extends SharedReplays {
  readonly entries: Map<string, Entry>;
}

const found = <T>(value: T): Found<T> => ({ kind: 'found', value });

export function createReplayModel(now: () => number): ReplayModel {
  const entries = new Map<string, Entry>();
  const at = (name: Buffer): Entry | undefined => {
    const entry = entries.get(name.toString('latin1'));
    return entry !== undefined && entry.expiresAtMs > now() ? entry : undefined;
  };
  const set = (name: Buffer, entry: Entry): void => void entries.set(name.toString('latin1'), entry);
  const isOf = (entry: Entry | undefined, owner: Buffer) =>
    entry !== undefined && 'owner' in entry && entry.owner.equals(owner) ? entry : undefined;

  return {
    entries,
    async begin(name, check, owner, claimMs, keepMs) {
      const entry = at(name);
      if (entry === undefined || isOf(entry, owner)) {
        set(name, { owner, check, untilMs: now() + claimMs, expiresAtMs: now() + keepMs });
        return found<SharedRecord>({ kind: 'claimed' });
      }
      if ('record' in entry) return found<SharedRecord>({ kind: 'record', record: entry.record });
      return found<SharedRecord>({ kind: now() < entry.untilMs ? 'under_way' : 'lapsed', check: entry.check });
    },
    async extend(name, owner, claimMs, keepMs) {
      const claim = isOf(at(name), owner);
      if (claim === undefined) return found(false);
      set(name, { owner, check: claim.check, untilMs: now() + claimMs, expiresAtMs: now() + keepMs });
      return found(true);
    },
    async settle(name, owner, record, keepMs) {
      const entry = at(name);
      if (!isOf(entry, owner) && (entry !== undefined || record === undefined)) return found(false);
      if (record === undefined) entries.delete(name.toString('latin1'));
      else set(name, { record, expiresAtMs: now() + keepMs });
      return found(true);
    },
  };
}
