// What the admin listener is made of.
import { explain, keyLookup } from './cli/explain.ts';
import type { Config } from './config/types.ts';
import { openPageFiles } from './console/files.ts';
import type { AdminApi } from './listener/admin.ts';
import type { GatewayDependencies, Rooms } from './rooms.ts';

/** An operator may wait longer for the store than a request does. */
const EXPLAIN_PATIENCE_MS = 2000;

/** What operators may do, with the very rooms that serve callers. */
export function adminApi(
  config: Config,
  { log, level, version, now = Date.now }: GatewayDependencies,
  rooms: Pick<Rooms, 'state' | 'regionReadings'>,
): AdminApi {
  const { state, regionReadings } = rooms;
  return {
    log,
    version,
    now,
    tokens: config.admin.tokens,
    hosts: config.admin.hosts,
    console: config.admin.console ? openPageFiles() : undefined,
    desk: state.desk,
    regions: regionReadings,
    store: state.store,
    logLevel: level,
    lookupKey: (by) => state.index.entry('key' in by ? by.key : by.hash),
    explain: (request) =>
      explain(config, request, {
        account: (name) => state.locateAccount(name, { leftMs: EXPLAIN_PATIENCE_MS }),
        key: keyLookup(state.index),
        isDrained: state.directory.isDrained,
      }),
  };
}
