// What `explain` knows of keys: the running gateway's store, looked at from beside it.
import { existsSync } from 'node:fs';
import { accountKey } from '../caller/credentials.ts';
import type { Config } from '../config/types.ts';
import { createKeyedHash } from '../keyed-hash.ts';
import { createKeyRooms } from '../locality/held.ts';
import { createKeyIndex } from '../locality/key-index.ts';
import { loadIdentityKeys } from '../store/identity-key.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import { CommandError, EXIT, stateProblem } from './exit.ts';
import type { Lookup } from './explain.ts';

/**
 * Opens the store of a configuration for looking up, without making one.
 * @returns undefined where there is none yet: then no key is known to the gateway either
 * @throws CommandError when the store or its key cannot be used
 */
export function openLookup(config: Config): { lookup: Lookup; close(): Promise<void> } | undefined {
  if (!existsSync(config.store.path)) return undefined;
  const env = process.env.GATEWAY_IDENTITY_KEY;
  if (env === undefined && !existsSync(config.identityKeyFile)) {
    throw new CommandError(
      `There is a store at ${config.store.path}, but no identity key at ${config.identityKeyFile} to look into it with. ` +
        'If the gateway is given its key as GATEWAY_IDENTITY_KEY, give it to this command too.',
      EXIT.config,
    );
  }
  try {
    return open(config, env);
  } catch (error) {
    throw stateProblem(error) ?? error;
  }
}

function open(config: Config, env: string | undefined): { lookup: Lookup; close(): Promise<void> } {
  const now = Date.now;
  const identity = loadIdentityKeys({ file: config.identityKeyFile, env, now });
  const store = openSqliteStore(config.store.path, { now, storeTimeoutMs: config.storeTimeoutMs });
  const index = createKeyIndex(store, {
    now,
    keys: { current: createKeyedHash(identity.current), older: identity.older.map(createKeyedHash) },
    regions: new Set(config.regions.map(({ name }) => name)),
    frontEntries: 1,
    storeTimeoutMs: config.storeTimeoutMs,
  });
  const { locateKey } = createKeyRooms(index, accountKey);
  return {
    lookup: (request, user) => {
      const credentials = user === undefined ? undefined : { name: user, token: '', header: '' };
      return locateKey(request, { credentials, address: '' });
    },
    close: () => store.close(),
  };
}
