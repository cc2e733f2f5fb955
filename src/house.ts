// What answers callers in one thread: the base, the rooms of the configuration in force, and the listener before them; and
// how another configuration takes the place of the one in force while callers stay connected.
import type { Config } from './config/types.ts';
import { watchProxyHeaders } from './listener/proxy-protocol-watch.ts';
import { createPublicListener, type PublicListener, type ReadyFront } from './listener/public.ts';
import { createRespond } from './listener/respond.ts';
import { describeCause } from './record/record.ts';
import { openRooms, type Rooms, type SharedParts } from './rooms.ts';
import { type Base, type GatewayDependencies, openBase } from './rooms-base.ts';
import { openCapacity } from './rooms-connections.ts';
import { isSameWay, type Way } from './rooms-way.ts';

/** How long requests that were cut may take to be recorded. */
const LAST_RECORDS_MS = 1000;

/** Another configuration's rooms, ready to be used. */
export interface PreparedRooms {
  /** From now on they are used; requests under way end in the rooms where they began. Does not fail. */
  apply(): void;
  /** They are not going to be used. */
  abandon(): Promise<void>;
}

export interface House {
  readonly base: Base;
  readonly listener: PublicListener;
  /** Those in force. */
  rooms(): Rooms;
  /**
   * @param shared of a thread that is one of several: memory that goes with that configuration
   * @throws whatever keeps them from being opened: nothing is changed then
   */
  prepare(config: Config, shared?: SharedParts): Promise<PreparedRooms>;
  /** Cuts what is under way, and closes everything. */
  close(): Promise<void>;
}

/** @throws IdentityKeyError, StoreOpenError */
export async function openHouse(
  config: Config,
  dependencies: GatewayDependencies,
  isDraining: () => boolean,
): Promise<House> {
  let current: Rooms;
  const base = openBase(config, dependencies, () => current);
  current = openRooms(config, base, undefined, dependencies.together);
  const { log, metrics, clocks, tracing, state } = base;
  const listener = createPublicListener(createRespond(isDraining), {
    now: clocks.steady,
    epochs: state.directory,
    onBegin() {
      metrics.began();
      base.auditSink.begins();
    },
    trace: tracing.begin,
    onUnparsed: metrics.refused,
    capacity: openCapacity(config, base, dependencies.together?.connections),
    onProxyHeader: watchProxyHeaders(metrics.proxied, log, clocks.steady),
    tls: config.listen.tls,
    http2: config.listen.tls && (await import('./listener/http2.ts')).createHttp2,
  });
  /** Those that are open, and how many configurations use each: the one in force, and those with requests under way. */
  const ways = new Map<Way, number>();

  function hold({ way }: Rooms): void {
    ways.set(way, (ways.get(way) ?? 0) + 1);
  }

  async function part({ way }: Rooms): Promise<void> {
    const others = (ways.get(way) ?? 1) - 1;
    ways.set(way, others);
    if (others > 0) return;
    ways.delete(way);
    await way.close();
  }

  /** From now on these are used; those before are parted with when their last request is over. */
  function use(rooms: Rooms, ready: ReadyFront): void {
    const before = current;
    current = rooms;
    if (!isSameWay(before.config, rooms.config)) state.useRegions(rooms.config.regions.map(({ name }) => name));
    ready
      .use()
      .then(() => part(before))
      .catch((cause: unknown) => log.error(describeCause(cause), 'closing what a configuration before had open'));
  }

  async function prepare(next: Config, shared?: SharedParts): Promise<PreparedRooms> {
    const rooms = openRooms(next, base, current, shared);
    hold(rooms);
    const ready = await listener.prepare(rooms.front).catch(async (cause: unknown) => {
      await part(rooms);
      throw cause;
    });
    return {
      apply: () => use(rooms, ready),
      async abandon() {
        await ready.abandon();
        await part(rooms);
      },
    };
  }

  hold(current);
  const first = await listener.prepare(current.front);
  await first.use();
  return {
    base,
    listener,
    rooms: () => current,
    prepare,
    async close() {
      await listener.close();
      await Promise.all([...ways.keys()].map((way) => way.close()));
      // A call that was at a region when that was closed: its outcome is unknown, and the record says so.
      await listener.recorded(LAST_RECORDS_MS);
      await base.close();
    },
  };
}
