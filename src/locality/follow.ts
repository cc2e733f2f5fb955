// Following the directory's changes, and the lease that comes with it.
//
// The lease is what makes moves safe. Who moves an account waits until every gateway has seen the step, or its lease has
// expired; so a gateway that cannot reach the store may go on with what it remembers until then, and no longer.
import type { RegionName } from '../domain.ts';
import type { Change, DirectoryStore, Mark, News, Since, StoredAccount } from '../store/directory-store.ts';
import { createEpochs, type Epochs } from './epochs.ts';

export interface FollowOptions {
  /** Random, new for each process, and for people. */
  readonly gateway: string;
  readonly label: string;
  readonly leaseMs: number;
  /** Between two looks at the directory, and while something moves. */
  readonly pollMs: number;
  readonly pollMovingMs: number;
  /** Milliseconds of the day's clock, and of one that nobody sets: a lease is over when either says so. */
  readonly now: () => number;
  readonly steady: () => number;
  /** From 0 to 1; for tests. */
  readonly chance?: () => number;
  readonly setTimer?: (callback: () => void, ms: number) => () => void;
  /** What is remembered of these accounts is no longer true; `gap`: of any. */
  readonly forget: (changes: News['changes']) => void;
  readonly observe?: (event: DirectoryEvent) => void;
}

export type DirectoryEvent =
  | { readonly kind: 'changed'; readonly change: Change }
  /** The store cannot be followed: away, or (`lost`) without the data that were seen. */
  | { readonly kind: 'away' | 'lost'; readonly cause: unknown }
  | { readonly kind: 'back' };

export interface FollowReadings {
  readonly epoch: number;
  /** Since the directory was followed last; undefined: never. */
  readonly ageMs: number | undefined;
  readonly leased: boolean;
  readonly moving: { readonly frozen: number; readonly cutover: number };
  readonly drained: readonly string[];
}

export interface Follow {
  readonly epochs: Pick<Epochs, 'enter' | 'leave'>;
  /**
   * The number of the lease's term; undefined while there is none. What was located in a term may be acted on during that
   * term: after an interruption another one begins, since moves did not wait for this gateway meanwhile.
   */
  term(): number | undefined;
  isDrained(region: RegionName): boolean;
  /** Whether an answer is of the data that are followed, and not older than them. */
  isCurrent(mark: Mark): boolean;
  /** Looks now: somebody says that there is news. Never rejects. */
  look(): Promise<void>;
  readings(): FollowReadings;
  /** Gives the lease back. */
  close(): Promise<void>;
}

/** The engine counts a lease from later than we do; this covers clocks that run at different speeds. */
const LEASE_SHARE = 0.98;
const OVER = { steadyMs: Number.NEGATIVE_INFINITY, dayMs: Number.NEGATIVE_INFINITY };
/** So that a move goes on also when most leases are those of gateways that have gone. */
const LEAST_SHARE = 0.02;
const REGRESSED = 'STORE_MARK_REGRESSED';

function startTimer(callback: () => void, ms: number): () => void {
  const timer = setTimeout(callback, ms).unref();
  return () => clearTimeout(timer);
}

function codeOf(cause: unknown): unknown {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
}

/** Follows from now on. The store stays the caller's to close. */
export function createFollow(store: DirectoryStore, options: FollowOptions): Follow {
  const { gateway, label, leaseMs, now, steady, observe, chance = Math.random, setTimer = startTimer } = options;
  const epochs = createEpochs();
  let seen: Since | undefined;
  let lease = OVER;
  let terms = 0;
  let followedMs: number | undefined;
  /** Data that went back in time: not believed again until an operator has looked at them (`store init --renew`). */
  let distrusted: string | undefined;
  let moving: readonly StoredAccount[] = [];
  let drained: ReadonlySet<string> = new Set();
  let trouble: 'away' | 'lost' | undefined;
  let looking: Promise<void> | undefined;
  let again = false;
  let closed = false;
  let cancel = (): void => {};

  const isLeased = (): boolean => steady() < lease.steadyMs && now() < lease.dayMs;

  function fail(kind: 'away' | 'lost', cause: unknown): void {
    if (trouble !== kind) observe?.({ kind, cause });
    trouble = kind;
  }

  function learn({ mark, last, changes, lapsed, moving: moves, drained: regions }: News, asked: typeof OVER): void {
    // The first time is followed by a second at once: only then does the lease say what has been seen.
    if (seen === undefined) again = true;
    const known = seen?.generation === mark.generation ? changes : 'gap';
    const interrupted = lapsed === true || !isLeased();
    if (interrupted) terms++;
    options.forget(interrupted ? 'gap' : known);
    if (known !== 'gap') for (const change of known) observe?.({ kind: 'changed', change });
    seen = { ...mark, last };
    epochs.moveOn(mark);
    moving = moves;
    drained = new Set(regions);
    const forMs = leaseMs * LEASE_SHARE;
    lease = { steadyMs: asked.steadyMs + forMs, dayMs: asked.dayMs + forMs };
    followedMs = steady();
    if (trouble !== undefined) observe?.({ kind: 'back' });
    trouble = undefined;
  }

  async function follow(): Promise<void> {
    const asked = { steadyMs: steady(), dayMs: now() };
    const answer = await store.follow({ gateway, label, seen: epochs.settled(), leaseMs }, seen);
    if (closed) return;
    if (answer.kind !== 'found') {
      if (codeOf(answer.cause) === REGRESSED) distrusted = seen?.generation;
      fail(answer.kind === 'lost' ? 'lost' : 'away', answer.cause);
    } else if (answer.value.mark.generation === distrusted) {
      fail('lost', Object.assign(new Error('the store’s data were older than what was seen'), { code: REGRESSED }));
    } else {
      distrusted = undefined;
      learn(answer.value, asked);
      await push(answer.value.gateways);
    }
  }

  /**
   * Any gateway may take a move's next step; the store lets one of them. Each tries now and then only, so that all of them
   * together try about once a look: a try reads every lease, and hundreds of gateways that try would keep the store busy.
   */
  async function push(gateways: number): Promise<void> {
    const share = Math.max(1 / Math.max(1, gateways), LEAST_SHARE);
    for (const { hash } of moving) {
      if (closed) return;
      if (chance() >= share) continue;
      const step = await store.advanceMove(hash, `gateway:${gateway}`).catch(() => undefined);
      // The others would not be answered either, and the lease has to be renewed.
      if (step === undefined) return;
      // There is something to be seen at once.
      if (step.kind === 'cutover' || step.kind === 'finished') again = true;
    }
  }

  async function lookAround(): Promise<void> {
    cancel();
    do {
      again = false;
      await follow().catch((cause: unknown) => fail('away', cause));
    } while (again && !closed);
    looking = undefined;
    if (!closed) cancel = setTimer(() => void look(), moving.length > 0 ? options.pollMovingMs : options.pollMs);
  }

  function look(): Promise<void> {
    if (closed) return Promise.resolve();
    // What is read just now may be older than the news.
    if (looking !== undefined) again = true;
    looking ??= lookAround();
    return looking;
  }

  const inPhase = (phase: 'frozen' | 'cutover'): number => moving.filter(({ move }) => move?.phase === phase).length;
  void look();
  return {
    epochs,
    term: () => (isLeased() ? terms : undefined),
    isDrained: (region) => drained.has(region),
    isCurrent: ({ generation, epoch }) =>
      seen !== undefined && distrusted === undefined && seen.generation === generation && epoch >= seen.epoch,
    look,
    readings: () => ({
      epoch: seen?.epoch ?? 0,
      ageMs: followedMs === undefined ? undefined : Math.max(0, steady() - followedMs),
      leased: isLeased(),
      moving: { frozen: inPhase('frozen'), cutover: inPhase('cutover') },
      drained: [...drained],
    }),
    async close() {
      closed = true;
      cancel();
      lease = OVER;
      await looking;
      await store.leave(gateway);
    },
  };
}
