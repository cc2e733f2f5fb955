// What the conformance suite and the model test know of an engine: two gateways' connections to the same data.
import { randomBytes } from 'node:crypto';
import type { AccountRow, DirectoryStore, Lease, Mark, News, Since } from '../../src/store/directory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { randomHash } from './support.ts';

export interface World {
  /** Two gateways on the same, initialised data. */
  readonly one: Store;
  readonly other: Store;
  /** The engine's clock, nearly. Unix time in milliseconds. */
  now(): number;
  /** Moves the engine's clock where that is possible; elsewhere time passes by itself, and tests poll. */
  pass(ms: number): void;
  /** Everything that the engine holds, as latin1 text. */
  contents(): Promise<string>;
  /** Takes everything away behind the gateways' backs. */
  wipe(): Promise<void>;
  close(): Promise<void>;
}

export interface Engine {
  readonly name: string;
  /** False where the program is missing. */
  readonly available: boolean;
  /** Whether `pass` moves the clock. */
  readonly movesClock: boolean;
  open(): Promise<World>;
  /** Ends what all worlds shared. */
  end(): Promise<void>;
}

export const IDENTITY = 'abcd0123';

export function account(over: Partial<AccountRow> = {}): AccountRow {
  return { hash: randomHash(), region: 'eu', pinned: true, also: [], identity: IDENTITY, replaces: [], ...over };
}

export function lease(over: Partial<Lease> = {}): Lease {
  return { gateway: randomBytes(8).toString('hex'), label: 'host:1', seen: 0, leaseMs: 60_000, ...over };
}

export async function markOf(directory: DirectoryStore): Promise<Mark> {
  const mark = await directory.mark();
  if (mark === undefined) throw new Error('no mark');
  return mark;
}

/** The news of a gateway that has answered every request it located before `since`. */
export async function newsOf(
  directory: DirectoryStore,
  lease: Lease | undefined,
  since: Since | undefined,
): Promise<News> {
  const followed = await directory.follow(lease, since);
  if (followed.kind !== 'found') throw new Error(`not followed: ${followed.kind}`, { cause: followed.cause });
  return followed.value;
}

/** Has `lease` say that it has seen everything. */
export async function seeAll(directory: DirectoryStore, lease: Lease): Promise<Mark> {
  const mark = await markOf(directory);
  return (await newsOf(directory, { ...lease, seen: mark.epoch }, mark)).mark;
}
