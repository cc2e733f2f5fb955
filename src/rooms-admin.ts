// What the admin listener is made of.
import { explain, keyLookup } from './cli/explain.ts';
import { openPageFiles } from './console/files.ts';
import type { AdminApi } from './listener/admin.ts';
import type { Rooms } from './rooms.ts';
import { clocksOf, type GatewayDependencies } from './rooms-base.ts';
import type { State } from './state.ts';

/** An operator may wait longer for the store than a request does. */
const EXPLAIN_PATIENCE_MS = 2000;

/** What operators look at and change. */
export interface AdminRooms extends Pick<AdminApi, 'snapshot' | 'configuration' | 'audit'> {
  readonly state: State;
  /** The rooms of the configuration in force. */
  readonly inForce: () => Pick<Rooms, 'config' | 'places' | 'regions'>;
}

/** What operators may do, with the very rooms that serve callers. */
export function adminApi(
  { log, level, version, ...clocks }: GatewayDependencies,
  { state, inForce, ...tools }: AdminRooms,
): AdminApi {
  const { now, steady } = clocksOf(clocks);
  return {
    ...tools,
    log,
    version,
    now,
    steady,
    logLevel: level,
    get tokens() {
      return inForce().config.admin.tokens;
    },
    get hosts() {
      return inForce().config.admin.hosts;
    },
    console: inForce().config.admin.console ? openPageFiles() : undefined,
    desk: (actor) => inForce().places.desk(actor),
    regions: () => inForce().regions(),
    store: state.store,
    lookupKey: (by) => state.index.entry('key' in by ? by.key : by.hash),
    explain: (request) =>
      explain(inForce().config, request, {
        account: (name) => inForce().places.locateAccount(name, { leftMs: EXPLAIN_PATIENCE_MS }),
        key: keyLookup(state.index),
        isDrained: state.directory.isDrained,
      }),
  };
}
