// What the threads of one gateway have together, as each of them is given it. A gateway without workers has none of it.

import type { ConnectionSizes } from './limit/connections.ts';
import type { MemoryBook } from './limit/memory.ts';
import type { Locate } from './locality/localities.ts';
import type { SharedMemory } from './shared-memory/locks.ts';
import type { IdentityKeys } from './store/identity-key.ts';
import type { SharedReplays, Store } from './store/store.ts';

export interface Together {
  /** Read once, by the main thread: a thread that begins after a change of keys must not hash otherwise than the others. */
  readonly identity: IdentityKeys;
  /** This thread's own lease of the directory. */
  readonly lease: { readonly gateway: string; readonly label: string };
  /** Undefined: a server, to which each thread has connections of its own. */
  readonly store: Store | undefined;
  /** `accounts.source`, which the main thread asks. */
  readonly source: Locate | undefined;
  /** New with each start of the gateway. */
  readonly secrets: Secrets;
  /** The counters of a limit, by its name. */
  readonly limits: (limit: string) => SharedMemory | undefined;
  /** Of all regions. */
  readonly health: SharedMemory;
  readonly replays: SharedReplays;
  /** Open connections of callers (limit/connections.ts). */
  readonly connections: SharedMemory & { readonly sizes: ConnectionSizes };
  /** What each thread has of the process's memory (limit/memory.ts). */
  readonly memory: MemoryBook;
}

export interface Secrets {
  /** For names that only this process needs: 32 bytes. */
  readonly hashKey: Buffer;
  /** Places entries in the tables of the limits: 32 bytes. */
  readonly seed: Buffer;
  /** Of answers that are kept in this process, and of what outlives it: 32 bytes, of the identity key. */
  readonly replaySalt: Buffer;
}
