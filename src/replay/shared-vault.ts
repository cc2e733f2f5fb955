// First answers kept for callers that repeat with Idempotency-Key at any gateway: as vault.ts, over a shelf that all of
// them share. A name is claimed there before its call is sent; where the claimant dies, nobody knows whether it was sent,
// so it never is again.
import { randomBytes as secureRandomBytes } from 'node:crypto';
import type { Found, Patience } from '../domain.ts';
import type { SharedRecord, SharedReplays } from '../store/store.ts';
import { answerOf, NOT_KEPT, type Observe, recordOf } from './opened.ts';
import { bears, type Derived, derive, isSameCheck, type Replayable, type ReplayRequest } from './seal.ts';
import { createRotatingVault } from './shared-rotation.ts';
import { createSharedWrites } from './shared-writes.ts';
import type { Began, VaultReadings } from './vault.ts';

export type SharedBegan =
  /** As from vault.ts. `under_way`: the first may be another gateway's; `done` then resolves when it is time to ask again. */
  | Began
  /** Nobody can tell whether it was sent before: it must not be sent now. */
  | { readonly kind: 'unavailable'; readonly cause: unknown };

/** Of this gateway. */
export interface SharedVaultReadings extends Omit<VaultReadings, 'entries' | 'bytes' | 'evicted' | 'expired'> {
  /** Replayed as unknown, since who claimed it has not settled in time. */
  readonly lapsed: number;
  /** Calls that could not begin. */
  readonly unavailable: number;
  /** Settled, and the shelf did not take it: it did not answer in time, or the claim was gone. */
  readonly lost: number;
  /** Settled, and not yet on the shelf. */
  readonly pending: number;
}

export interface SharedVaultOptions {
  /** How long an answer is kept, from when it was settled. */
  readonly keepMs: number;
  /** A longer record is not kept, only that the call was sent. By default 1 MiB: one entry must not hold up the engine. */
  readonly mostBytes?: number;
  /** 32 bytes from the identity key: the same at every gateway, or they share no names. */
  readonly salt: Buffer;
  /** From older identity keys that are still read, newest first: gateways may not have changed to the new one all at once. */
  readonly olderSalts?: readonly Buffer[];
  /** For every question but a call's first, which has the call's own patience: who waits for a first must not run out. */
  readonly storeTimeoutMs: number;
  readonly randomBytes?: (bytes: number) => Buffer;
  readonly observe?: Observe;
  /** Of claims and questions; for tests. */
  readonly times?: Partial<SharedVaultTimes>;
}

export interface SharedVaultTimes {
  /** How long a claim outlives its gateway. */
  readonly claimMs: number;
  readonly extendMs: number;
  /** Between questions about a call that another gateway is sending: at first, and at most. */
  readonly pollMs: number;
  readonly mostPollMs: number;
  /** How long to wait before each further attempt to settle. */
  readonly retryMs: readonly number[];
}

const TIMES: SharedVaultTimes = {
  claimMs: 10_000,
  extendMs: 3_000,
  pollMs: 25,
  mostPollMs: 200,
  retryMs: [50, 100, 200, 400, 800, 1500, 2000, 2000, 2000, 2000, 2000],
};
const MOST_BYTES = 1024 * 1024;
const OWNER_BYTES = 16;

export interface SharedVault {
  /** As Vault.begin. Never throws and never rejects. */
  begin(key: string, caller: string | undefined, request: ReplayRequest, patience: Patience): Promise<SharedBegan>;
  readings(): SharedVaultReadings;
  /** To be called when no request is under way, before the store is closed. Never rejects. */
  close(): Promise<void>;
}

/** What this gateway knows of a name at the moment, so that many repeats of one call ask one question. */
interface Local {
  readonly name: string;
  state:
    | { readonly kind: 'asking' }
    /** Claimed by a call of this gateway. */
    | { readonly kind: 'here'; readonly check: Buffer }
    /** Claimed by another one's. */
    | { readonly kind: 'elsewhere'; readonly check: Buffer }
    /** To be asked again by the first who comes. */
    | { readonly kind: 'due' }
    /** An answer, for those who waited for it. */
    | { readonly kind: 'told'; readonly found: Found<SharedRecord> };
  /** For those who wait for the next state. */
  waiting: PromiseWithResolvers<void>;
  pollMs: number;
}

const MISMATCH = { kind: 'mismatch' } as const;

/** Makes the room. */
export function createSharedVault(replays: SharedReplays, options: SharedVaultOptions): SharedVault {
  const newest = createOne(replays, options);
  const [oldest, ...others] = (options.olderSalts ?? [])
    .map((salt) => createOne(replays, { ...options, salt }))
    .reverse();
  return oldest === undefined ? newest : createRotatingVault([oldest, ...others, newest]);
}

/** Under one salt. State: the names in use by this gateway, and what it still has to tell the shelf. */
function createOne(replays: SharedReplays, options: SharedVaultOptions): SharedVault {
  const { keepMs, mostBytes = MOST_BYTES, salt, storeTimeoutMs, randomBytes = secureRandomBytes, observe } = options;
  const times = { ...TIMES, ...options.times };
  const locals = new Map<string, Local>();
  const writes = createSharedWrites(replays, { keepMs, retryMs: times.retryMs });
  const counts = { kept: 0, marked: 0, replayed: 0, waited: 0, mismatched: 0, unreadable: 0 };
  const faults = { lapsed: 0, unavailable: 0, lost: 0 };
  let underWay = 0;

  function wait(local: Local): Began {
    counts.waited++;
    return { kind: 'under_way', done: local.waiting.promise };
  }

  function mismatch(): Began {
    counts.mismatched++;
    return MISMATCH;
  }

  /** Wakes those who wait. */
  function tell(local: Local, state: Local['state'] & { readonly kind: 'due' | 'told' }): void {
    local.state = state;
    local.waiting.resolve();
    local.waiting = Promise.withResolvers();
  }

  /** They come back before the next turn of the event loop; then nothing is kept of it. */
  function wake(local: Local, state: Local['state'] & { readonly kind: 'due' | 'told' }): void {
    tell(local, state);
    setImmediate(() => {
      if (local.state === state) locals.delete(local.name);
    });
  }

  /** Where nobody tells that it is over: the longer it takes, the less often it is asked about. */
  function wakeWhenOver(local: Local, name: Buffer, check: Buffer): void {
    local.state = { kind: 'elsewhere', check };
    const due = (): void => wake(local, { kind: 'due' });
    if (replays.over !== undefined) {
      void replays.over(name).then(due);
      return;
    }
    setTimeout(due, local.pollMs).unref();
    local.pollMs = Math.min(2 * local.pollMs, times.mostPollMs);
  }

  function replay(derived: Derived, record: Buffer): Began {
    if (!bears(record, derived.check)) return mismatch();
    counts.replayed++;
    const { answer, readable } = answerOf(derived, record, observe);
    if (!readable) counts.unreadable++;
    return { kind: 'replay', answer };
  }

  function lapsed({ check }: Derived, claimed: Buffer): Began {
    if (!isSameCheck(claimed, check)) return mismatch();
    counts.replayed++;
    faults.lapsed++;
    return { kind: 'replay', answer: NOT_KEPT };
  }

  function first(derived: Derived, local: Local, name: Buffer, owner: Buffer): Began {
    local.state = { kind: 'here', check: derived.check };
    underWay++;
    let settled = false;
    const beat = setInterval(() => void hold(derived.check, name, owner, () => settled), times.extendMs);
    beat.unref();
    return {
      kind: 'first',
      settle(answer) {
        if (settled) return;
        settled = true;
        underWay--;
        clearInterval(beat);
        const record = answer === undefined ? undefined : kept(derived, answer);
        derived.sealingKey.fill(0);
        void put(local, name, owner, record);
      },
    };
  }

  /** An engine that came back without its last second has lost the claim: it is made again, unless another's stands there. */
  async function hold(check: Buffer, name: Buffer, owner: Buffer, isSettled: () => boolean): Promise<void> {
    const held = await replays.extend(name, owner, times.claimMs, keepMs);
    if (held.kind !== 'found' || held.value || isSettled()) return;
    await replays.begin(name, check, owner, times.claimMs, keepMs, { leftMs: storeTimeoutMs });
  }

  function kept(derived: Derived, answer: Replayable): Buffer {
    counts.kept++;
    const { record, whole } = recordOf(derived, answer, mostBytes, randomBytes, observe);
    if (!whole) counts.marked++;
    return record;
  }

  /** Until the shelf has the record, repeats at this gateway are answered from here. */
  async function put(local: Local, name: Buffer, owner: Buffer, record: Buffer | undefined): Promise<void> {
    const told = writes.settle(name, owner, record);
    // The engine hears of it before it hears the questions of those who wake up now.
    if (record === undefined) wake(local, { kind: 'due' });
    else tell(local, { kind: 'told', found: { kind: 'found', value: { kind: 'record', record } } });
    if ((await told) !== true) faults.lost++;
    if (record !== undefined) locals.delete(local.name);
  }

  async function ask(derived: Derived, local: Local, patience: Patience): Promise<SharedBegan> {
    local.state = { kind: 'asking' };
    const name = Buffer.from(derived.name, 'latin1');
    const owner = randomBytes(OWNER_BYTES);
    const found = await replays.begin(name, derived.check, owner, times.claimMs, keepMs, patience);
    if (found.kind === 'found' && found.value.kind === 'claimed') return first(derived, local, name, owner);
    if (found.kind === 'found' && found.value.kind === 'under_way') wakeWhenOver(local, name, found.value.check);
    else wake(local, { kind: 'told', found });
    // The question may have been heard, though its answer was not: then the claim is nobody's.
    if (found.kind !== 'found') writes.release(name, owner);
    return conclude(derived, local, found);
  }

  function conclude(derived: Derived, local: Local, found: Found<SharedRecord>): SharedBegan {
    if (found.kind !== 'found') {
      faults.unavailable++;
      return { kind: 'unavailable', cause: found.kind === 'missing' ? undefined : found.cause };
    }
    const { value } = found;
    switch (value.kind) {
      case 'record':
        return replay(derived, value.record);
      case 'lapsed':
        return lapsed(derived, value.check);
      case 'under_way':
        return isSameCheck(value.check, derived.check) ? wait(local) : mismatch();
      case 'claimed':
        return wait(local);
    }
  }

  function lookUp(derived: Derived, patience: Patience): SharedBegan | Promise<SharedBegan> {
    const { name } = derived;
    const local = locals.get(name);
    if (local === undefined) {
      const made: Local = { name, state: { kind: 'due' }, waiting: Promise.withResolvers(), pollMs: times.pollMs };
      locals.set(name, made);
      return ask(derived, made, patience);
    }
    const { state } = local;
    switch (state.kind) {
      case 'asking':
        return wait(local);
      case 'here':
      case 'elsewhere':
        return isSameCheck(state.check, derived.check) ? wait(local) : mismatch();
      case 'told':
        return conclude(derived, local, state.found);
      case 'due':
        return ask(derived, local, { leftMs: storeTimeoutMs });
    }
  }

  return {
    async begin(key, caller, request, patience) {
      const derived = derive(salt, key, caller, request);
      const began = await lookUp(derived, patience);
      // A first needs it to seal; nobody else does any more.
      if (began.kind !== 'first') derived.sealingKey.fill(0);
      return began;
    },
    readings: () => ({ underWay, pending: writes.pending(), ...counts, ...faults }),
    close: () => writes.close(),
  };
}
