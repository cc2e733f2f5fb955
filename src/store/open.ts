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
  readonly storeTimeoutMs: number;
  /** What a distributed engine has to tell, for the log. */
  readonly observe?: (event: ValkeyEvent) => void;
}

/**
 * @throws StoreOpenError: of the embedded engine's file; of a distributed engine only for its `caFile`, since it opens also
 *   while the engine is away
 */
export function openStore(store: StoreChoice, options: OpenOptions): Store {
  return store.kind === 'sqlite' ? openSqliteStore(store.path, options) : openValkeyStore(store, options);
}
