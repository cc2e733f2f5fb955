// How many connections there may be: one beyond that is answered at once, or the one that has been unused for longest makes
// place for it. Nothing is read of those that are turned away, and no handshake is paid for them.
import type { Socket } from 'node:net';
import { Refusal } from '../refusal.ts';
import type { Gate } from './accept.ts';
import type { ConnectionBounds } from './bounds.ts';

/** Open connections of all threads. What is entered has to be left. */
export interface Counts {
  /** @returns false where there are as many as may be */
  enter(): boolean;
  /** One more than may be: another one has been ended for it. */
  force(): void;
  leave(): void;
  /** Of a client address, whose IPv6 networks have `ipv6Prefix` bits. @returns what to leave with */
  enterAddress(address: string, ipv6Prefix: number, most: number): number | 'full';
  leaveAddress(ticket: number): void;
}

export interface CapacityOptions {
  readonly counts: Counts;
  readonly bounds: () => ConnectionBounds;
  /** Where a connection comes from, once that is known. */
  readonly addressOf: (socket: Socket) => string;
  /** Ends the connection that has been unused for longest. @returns whether there was one */
  readonly reclaim: () => boolean;
  /** Answers, and ends the connection. Undefined where callers speak TLS: an answer would be none to them. */
  readonly refuse: ((socket: Socket, refusal: Refusal) => void) | undefined;
  readonly observe: ConnectionObserver;
}

export interface ConnectionObserver {
  /** @param by 1 for an opened one, -1 for one that is closed */
  open(by: 1 | -1): void;
  turnedAway(reason: 'all' | 'address'): void;
  reclaimed(): void;
}

/** What the listener is given of it. */
export type Held = Pick<CapacityOptions, 'counts' | 'observe'>;

export interface Capacity {
  /** In all: before anything is read of a connection. */
  readonly all: Gate;
  /** By address: behind whatever tells the address. */
  readonly byAddress: Gate;
}

/** Of those who are answered, so many may take their time to read it; others are just closed. */
const MOST_READING = 256;

const refusalFor = (hint?: string): Refusal =>
  new Refusal('too_many_connections', { ...(hint && { hint }), outcome: 'not_sent', headers: ['Retry-After', '1'] });

/** Makes the room. */
export function createCapacity(options: CapacityOptions): Capacity {
  const { counts, bounds, addressOf, reclaim, refuse, observe } = options;
  let reading = 0;

  function turnAway(socket: Socket, reason: 'all' | 'address', hint?: string): void {
    observe.turnedAway(reason);
    if (refuse === undefined || reading >= MOST_READING) {
      socket.destroy();
      return;
    }
    reading++;
    socket.once('close', () => reading--);
    refuse(socket, refusalFor(hint));
  }

  return {
    all(socket, pass) {
      if (!counts.enter()) {
        if (!reclaim()) {
          turnAway(socket, 'all');
          return;
        }
        counts.force();
        observe.reclaimed();
      }
      observe.open(1);
      socket.once('close', () => {
        counts.leave();
        observe.open(-1);
      });
      pass();
    },

    byAddress(socket, pass) {
      const { perAddress, ipv6Prefix, isExempt } = bounds();
      const address = addressOf(socket);
      // A load balancer is one address for everybody.
      if (isExempt(address)) {
        pass();
        return;
      }
      const ticket = counts.enterAddress(address, ipv6Prefix, perAddress);
      if (ticket === 'full') {
        turnAway(socket, 'address', `At most ${perAddress} connections from one address.`);
        return;
      }
      socket.once('close', () => counts.leaveAddress(ticket));
      pass();
    },
  };
}
