// What answers callers in one thread: the base, the rooms of the configuration in force, and the listener before them; and
// how another configuration takes the place of the one in force while callers stay connected.
import type { Config } from './config/types.ts';
import { createPublicListener, type PublicListener } from './listener/public.ts';
import { createRespond } from './listener/respond.ts';
import { openRooms, type Rooms, type SharedParts } from './rooms.ts';
import { type Base, type GatewayDependencies, openBase } from './rooms-base.ts';
import { isSameWay, type Way } from './rooms-way.ts';

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
  const { metrics, clocks, tracing, state } = base;
  const listener = createPublicListener(createRespond(isDraining), {
    now: clocks.steady,
    epochs: state.directory,
    onBegin: metrics.began,
    trace: tracing.begin,
    onUnparsed: metrics.refused,
  });
  /** Also those of configurations before, as long as requests are under way there. */
  const ways = new Set<Way>([current.way]);

  async function part({ way }: Rooms): Promise<void> {
    if (way === current.way) return;
    ways.delete(way);
    await way.close();
  }

  async function prepare(next: Config, shared?: SharedParts): Promise<PreparedRooms> {
    const rooms = openRooms(next, base, current, shared);
    const ready = await listener.prepare(rooms.front);
    return {
      apply() {
        const before = current;
        current = rooms;
        ways.add(rooms.way);
        if (!isSameWay(before.config, next)) {
          base.verify.clear();
          state.useRegions(next.regions.map(({ name }) => name));
        }
        void ready.use().then(() => part(before));
      },
      async abandon() {
        await ready.abandon();
        if (rooms.way !== current.way) await rooms.way.close();
      },
    };
  }

  const first = await listener.prepare(current.front);
  await first.use();
  return {
    base,
    listener,
    rooms: () => current,
    prepare,
    async close() {
      await listener.close();
      await Promise.all([...ways].map((way) => way.close()));
      await base.close();
    },
  };
}
