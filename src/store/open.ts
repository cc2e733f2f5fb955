// The store of a configuration, whichever engine it names.
import { openSqliteStore } from './sqlite.ts';
import type { Store } from './store.ts';
import { openValkeyStore } from './valkey.ts';
import type { ValkeyEvent } from './valkey-client.ts';
import type { ValkeyConfig } from './valkey-config.ts';

export type StoreChoice = { readonly kind: 'sqlite'; readonly path: string } | ValkeyConfig;

export interface OpenOptions {
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** As SqliteOptions has them. */
  readonly steady?: () => number;
  readonly isSettled?: () => boolean;
  readonly storeTimeoutMs: number;
  /** Of a distributed engine: it went away, came back, or may forget what it is given. */
  readonly observe?: (event: ValkeyEvent) => void;
}

/**
 * @throws StoreOpenError: by the embedded engine when the file is damaged, of a newer schema, not writable or locked; by a
 *   distributed one only when its `ca` cannot be read. That one opens also while it is away.
 */
export function openStore(store: StoreChoice, options: OpenOptions): Store {
  return store.kind === 'sqlite' ? openSqliteStore(store.path, options) : openValkeyStore(store, options);
}
