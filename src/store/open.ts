// The store of a configuration, whichever engine it names.
import { openSqliteStore } from './sqlite.ts';
import type { Store } from './store.ts';
import type { ValkeyConfig } from './valkey-config.ts';

export type StoreChoice = { readonly kind: 'sqlite'; readonly path: string } | ValkeyConfig;

export interface OpenOptions {
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly storeTimeoutMs: number;
}

/**
 * @throws StoreOpenError by the embedded engine: damaged, of a newer schema, not writable, locked. A distributed one opens
 *   also while it is away.
 */
export function openStore(store: StoreChoice, options: OpenOptions): Store {
  if (store.kind === 'sqlite') return openSqliteStore(store.path, options);
  throw new Error('there is no distributed engine yet');
}
