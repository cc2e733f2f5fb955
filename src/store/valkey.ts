// The distributed store: Valkey or Redis, for any number of gateways.
import type { Store, StoreNews } from './store.ts';
import { createValkeyClient, type ValkeyEvent } from './valkey-client.ts';
import type { ValkeyConfig } from './valkey-config.ts';
import { createValkeyDirectory } from './valkey-directory.ts';
import { directoryKeys } from './valkey-directory-run.ts';
import { createGeneration } from './valkey-generation.ts';
import { createValkeyKeys } from './valkey-keys.ts';
import { createValkeyLimits } from './valkey-limits.ts';
import { createValkeyReplays } from './valkey-replays.ts';
import { createValkeyVerifications, readVerificationNews } from './valkey-verifications.ts';

export interface ValkeyStoreOptions {
  /** Unix time in milliseconds. Only for the expiry of keys: all else goes by the engine's clock. */
  readonly now: () => number;
  readonly storeTimeoutMs?: number;
  readonly observe?: (event: ValkeyEvent) => void;
}

/** Published with every change of the directory. */
const DIRECTORY_NEWS = 'd';

/**
 * Begins to connect; until then, and whenever the engine is away, lookups are unavailable and what writes rejects.
 * @throws StoreOpenError: `caFile` cannot be read
 */
export function openValkeyStore(config: ValkeyConfig, options: ValkeyStoreOptions): Store {
  const { now, storeTimeoutMs = 50, observe } = options;
  let tell: (news: StoreNews) => void = () => {};
  const client = createValkeyClient(config, {
    storeTimeoutMs,
    onNews(message) {
      const news = message === DIRECTORY_NEWS ? ({ kind: 'directory' } as const) : readVerificationNews(message);
      if (news !== undefined) tell(news);
    },
    ...(observe === undefined ? {} : { observe }),
  });
  const directory = directoryKeys(config.prefix);
  const generation = createGeneration(client, directory.accounts);
  const keys = createValkeyKeys(client, generation, { now, storeTimeoutMs });

  return {
    engine: 'valkey',
    findKey: keys.findKey,
    putKeys: keys.putKeys,
    directory: createValkeyDirectory(client, directory, generation),
    shared: {
      limits: createValkeyLimits(client),
      verifications: createValkeyVerifications(client),
      replays: createValkeyReplays(client, generation.known),
    },
    readings: client.readings,
    onNews(listener) {
      tell = listener;
    },
    async close() {
      await keys.close();
      await client.close();
    },
  };
}
