// What `explain` knows beside the configuration: the running gateways' store, looked at from beside them.
import { existsSync } from 'node:fs';
import { accountKey } from '../caller/credentials.ts';
import type { Config } from '../config/types.ts';
import type { Found, Locality } from '../domain.ts';
import { createAccounts } from '../locality/accounts.ts';
import { createDesk, type Desk, DeskError } from '../locality/desk.ts';
import { createKeyIndex } from '../locality/key-index.ts';
import { type Known, keyLookup, knownByRules } from './explain.ts';
import { openState, type State } from './state.ts';

/**
 * Opens the store of a configuration for looking up, without making one.
 * @returns what the rules say where there is none yet: then no key is known to the gateway either
 * @throws CommandError when the store or its key cannot be used
 */
export async function openKnown(config: Config): Promise<{ known: Known; close(): Promise<void> }> {
  if (config.store.kind === 'sqlite' && !existsSync(config.store.path)) {
    return { known: knownByRules(config), close: async () => {} };
  }
  const state = await openState(config, 'read');
  const { store, hashes } = state;
  const names = config.regions.map(({ name }) => name);
  const index = createKeyIndex(store, {
    now: Date.now,
    keys: hashes,
    regions: new Set(names),
    frontEntries: 1,
    storeTimeoutMs: config.storeTimeoutMs,
  });
  const followed = await store.directory.follow(undefined, undefined);
  const drained = new Set<string>(followed.kind === 'found' ? followed.value.drained : []);
  const desk = openDesk(config, state);
  const known = {
    account: (name: string) => standingOf(desk, name),
    key: keyLookup(index),
    isDrained: (region: string) => drained.has(region),
  };
  return { known, close: () => store.close() };
}

/** The source of accounts is the gateway's to ask: a command has neither its answers nor, often, its token. */
function openDesk(config: Config, { store, hashes }: State): Desk {
  return createDesk({
    store: store.directory,
    actor: 'cli:explain',
    hashes,
    normalise: accountKey,
    regions: config.regions.map(({ name }) => name),
    order: config.accounts.order,
    locateByRules: createAccounts(config.accounts.rules, accountKey),
    ...(config.accounts.source === undefined ? {} : { locateBySource: () => NOT_ASKED }),
  });
}

const NOT_ASKED = { kind: 'unavailable', cause: { code: 'SOURCE_NOT_ASKED' } } as const;

async function standingOf(desk: Desk, name: string): Promise<Found<Locality>> {
  try {
    const { locality, entry } = await desk.show(name);
    if (locality !== undefined) return { kind: 'found', value: locality };
    if (entry === undefined) return { kind: 'missing' };
    return { kind: 'unavailable', cause: { code: 'DIRECTORY_REGION_NOT_CONFIGURED' } };
  } catch (cause) {
    if (cause instanceof DeskError && cause.code === 'unavailable') return { kind: 'unavailable', cause };
    throw cause;
  }
}
