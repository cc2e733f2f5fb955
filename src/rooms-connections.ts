// Open connections of callers: counted by all threads together, told by each of its own.
import type { Config } from './config/types.ts';
import { type ConnectionSizes, Connections, connectionsBytes } from './limit/connections.ts';
import { addressKey } from './limit/key.ts';
import type { Held } from './listener/capacity.ts';
import type { Base } from './rooms-base.ts';
import { mostCallers } from './rooms-files.ts';
import type { SharedMemory } from './shared-memory/locks.ts';

/** The same for all threads, and for as long as the gateway runs: what is configured, or what there are descriptors for. */
export function connectionSizes(config: Config): ConnectionSizes {
  return { connections: mostCallers(config), threads: config.workers };
}

/** Zeroed, for all threads. */
export function connectionsMemory(config: Config): SharedArrayBuffer {
  return new SharedArrayBuffer(connectionsBytes(connectionSizes(config)));
}

/** @param shared of a thread that is one of several */
export function openCapacity(config: Config, { metrics, seed }: Base, shared?: SharedMemory): Held {
  const own = shared ?? { memory: connectionsMemory(config), holder: 1 };
  const counts = new Connections(connectionSizes(config), own);
  // As limits have it: one-byte characters.
  const placing = seed.toString('latin1');
  return {
    counts: {
      enter: () => counts.enter(),
      force: () => counts.force(),
      leave: () => counts.leave(),
      enterAddress: (address, ipv6Prefix, most) =>
        counts.enterAddress(addressKey(address, ipv6Prefix).place(placing), most),
      leaveAddress: (ticket) => counts.leaveAddress(ticket),
    },
    observe: metrics.connections,
  };
}
