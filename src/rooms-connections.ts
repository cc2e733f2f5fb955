// Open connections of callers: counted by all threads together, told by each of its own.
import type { Config } from './config/types.ts';
import { type ConnectionSizes, Connections, connectionsBytes } from './limit/connections.ts';
import { addressKey } from './limit/key.ts';
import type { Held } from './listener/capacity.ts';
import type { Base } from './rooms-base.ts';
import { mostCallers } from './rooms-files.ts';
import type { SharedMemory } from './shared-memory/locks.ts';

/** What all threads count in, for as long as the gateway runs: as many as are configured, or as there are descriptors for. */
export interface ConnectionMemory {
  readonly sizes: ConnectionSizes;
  /** Zeroed at first. */
  readonly memory: SharedArrayBuffer;
}

export function openConnectionMemory(config: Config): ConnectionMemory {
  const sizes = { connections: mostCallers(config), threads: config.workers };
  return { sizes, memory: new SharedArrayBuffer(connectionsBytes(sizes)) };
}

/** @param shared of a thread that is one of several */
export function openCapacity(
  config: Config,
  { metrics, seed }: Base,
  shared?: ConnectionMemory & Pick<SharedMemory, 'holder'>,
): Held {
  const { sizes, memory, holder } = shared ?? { ...openConnectionMemory(config), holder: 1 };
  const counts = new Connections(sizes, { memory, holder });
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
