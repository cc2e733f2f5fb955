// A region as the gateway reaches it: its name and the connections to its upstream URLs, in the order to be tried.
import type { RegionName } from '../domain.ts';
import {
  type Borrowed,
  type ConnectionOptions,
  type Connections,
  createConnections,
  type Waiter,
} from './connections.ts';
import type { Downstream } from './forward.ts';
import type { Joined } from './queue.ts';

export interface Region {
  readonly name: RegionName;
  readonly upstreams: readonly Connections[];
  close(): Promise<void>;
}

/** Why there was no connection: no place in the line (queue.ts), its time was over, or the caller had gone. */
export type NoConnection = Exclude<Joined, 'joined'> | 'late' | 'gone';

/** @param origins the region's upstream URLs, in order of preference; never another region's */
export function createRegion(name: RegionName, origins: readonly string[], options: ConnectionOptions): Region {
  const upstreams = origins.map((origin) => createConnections(name, origin, options));
  return {
    name,
    upstreams,
    async close() {
      await Promise.all(upstreams.map((upstream) => upstream.close()));
    },
  };
}

/**
 * A connection now, or within `patienceMs`.
 * @param downstream who leaves the line when it hangs up
 */
export function borrow(
  upstream: Connections,
  patienceMs: number,
  downstream: Pick<Downstream, 'onGone'>,
): Borrowed | Promise<Borrowed | NoConnection> {
  return upstream.take() ?? waitFor(upstream, patienceMs, downstream);
}

/**
 * The next connection that is given back, as borrow has it, where none is free.
 * @param whose as in Queued
 */
export function waitFor(
  upstream: Connections,
  patienceMs: number,
  downstream: Pick<Downstream, 'onGone'>,
  whose?: string,
): Promise<Borrowed | NoConnection> {
  return new Promise((settle) => {
    const waiter: Waiter = {
      whose,
      ready(connection) {
        clearTimeout(timer);
        settle(connection);
      },
    };
    const leave = (why: NoConnection): void => {
      clearTimeout(timer);
      upstream.leave(waiter);
      settle(why);
    };
    const timer = setTimeout(() => leave('late'), patienceMs);
    const joined = upstream.wait(waiter);
    if (joined === 'joined') downstream.onGone(() => leave('gone'));
    else leave(joined);
  });
}
