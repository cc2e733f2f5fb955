// How near a thread is to having more to do than it can do in time, or more in its hands than it has memory for, and whom it turns away then: callers without an account
// first, and those with one when even that is not enough. One object a thread; what it asks of a request is one number.
import { Refusal } from '../refusal.ts';
import type { MemoryUse } from './memory.ts';

export interface OverloadRules {
  /** How late the event loop may be. */
  readonly eventLoopDelayMs: number;
  /** How much of the heap that the thread may have can be in use, from 0 to 1; 1: no matter how much. */
  readonly heap: number;
  /** How much of the memory that the process may have can be in use, from 0 to 1; 1: no matter how much. */
  readonly memory: number;
  /** `shadow` only counts. */
  readonly mode: 'enforce' | 'shadow' | 'off';
}

/** What was measured of a thread (pressure-meter.ts). */
export interface Measured {
  readonly delayMs: number;
  /** From 0 to 1. */
  readonly heap: number;
  /** From 0 on, of the whole process; undefined where nobody says how much it may have. */
  readonly memory: number | undefined;
}

/** Whose load it is. Whether credentials are good is not known yet when it is asked. */
export type LoadClass = 'anonymous' | 'authenticated';

/** Undefined: the request may go on. */
export type Shed = (load: LoadClass) => Refusal | undefined;

/** A call whose body is being received. */
export interface Receiving {
  /** What it may come to, in bytes. */
  readonly bodyBytes: number;
  /** Ends that, with a refusal; nothing once it is over. */
  interrupt(refusal: Refusal): void;
}

export interface Pressure {
  /** Told of every measurement, in turn. */
  readonly measured: (now: Measured) => void;
  /** Asked of every request, before its body is received. */
  readonly shed: Shed;
  /**
   * Bodies fill the memory after their calls were let in: a call is turned away whose body has no room beside all those that
   * are under way, and those that are under way are, where it is full after all.
   */
  readonly receiving: <T>(load: LoadClass, call: Receiving, received: Promise<T>) => Promise<T>;
  /** What was measured last, by what there is a bound for: 1 is the bound. */
  readings(): readonly (readonly [kind: 'event_loop' | 'heap' | 'memory', ofBound: number])[];
}

/** Nobody is turned away; callers without an account are; everybody is. */
type Level = 0 | 1 | 2;

/** Of the bound: where the event loop is as late as this, everybody is turned away. */
const HARDER_DELAY = 2;
/** Measurements within the bounds until fewer are turned away: in between, what was turned away comes again. */
const CALM = 5;

/** As large as nearly every secret. Large bodies of some must not keep everybody else from these: they are promised nothing. */
const SMALL_BYTES = 16 * 1024;

/** Once for all: who is turned away must cost nothing. */
const OVERLOADED = new Refusal('overloaded', { outcome: 'not_sent', headers: ['Retry-After', '1'] });

const harderThan = (bound: number): number => (1 + bound) / 2;

/** Of what is measured in parts of a whole: everybody is turned away from half of what is left above the bound on. */
function levelOfPart(part: number, bound: number): Level {
  if (bound >= 1 || part < bound) return 0;
  return part >= harderThan(bound) ? 2 : 1;
}

function levelOfDelay(delayMs: number, boundMs: number): Level {
  if (delayMs < boundMs) return 0;
  return delayMs >= HARDER_DELAY * boundMs ? 2 : 1;
}

const worse = (one: Level, other: Level): Level => (one > other ? one : other);

function levelOf({ delayMs, heap, memory = 0 }: Measured, rules: OverloadRules): Level {
  if (rules.mode === 'off') return 0;
  const late = levelOfDelay(delayMs, rules.eventLoopDelayMs);
  const full = levelOfPart(heap, rules.heap);
  const used = levelOfPart(memory, rules.memory);
  return worse(late, worse(full, used));
}

/**
 * @param rules those in force
 * @param onShed called for every request that is turned away, or would be
 * @param collect called at every measurement with too much memory in use: some of it may be garbage
 */
export function createPressure(
  rules: () => OverloadRules,
  onShed: (load: LoadClass, mode: 'enforce' | 'shadow') => void,
  collect: () => void,
  memory: Pick<MemoryUse, 'promise' | 'promised'>,
): Pressure {
  let level: Level = 0;
  let before: Level = 0;
  let calm = 0;
  let memoryBefore: Level = 0;
  const underWay = new Map<Receiving, LoadClass>();
  let last: Measured = { delayMs: 0, heap: 0, memory: undefined };

  /** What has come of the bodies under way is counted twice, as promised and as used: there is more room than this says. */
  function hasRoom(load: LoadClass, bodyBytes: number): boolean {
    const { memory: bound } = rules();
    if (bound >= 1 || last.memory === undefined || bodyBytes <= SMALL_BYTES) return true;
    return last.memory + memory.promised(bodyBytes) < (load === 'anonymous' ? bound : harderThan(bound));
  }

  /** Lets go of bodies that are being received, for want of memory. */
  function letGo(full: Level): void {
    for (const [call, load] of underWay) {
      if (full === 1 && load === 'authenticated') continue;
      underWay.delete(call);
      onShed(load, 'enforce');
      call.interrupt(OVERLOADED);
    }
  }

  /** As for calls that come in, what lasts for two measurements counts: in between garbage was collected. */
  function makeRoom({ memory = 0 }: Measured, { memory: bound, mode }: OverloadRules): void {
    const full = mode === 'off' ? 0 : levelOfPart(memory, bound);
    const lasting = full < memoryBefore ? full : memoryBefore;
    memoryBefore = full;
    if (full > 0) collect();
    if (lasting > 0 && mode === 'enforce') letGo(lasting);
  }

  return {
    measured(now) {
      last = now;
      const inForce = rules();
      makeRoom(now, inForce);
      const found = levelOf(now, inForce);
      // One pause, of the disk or for garbage, is over when it is noticed: only what lasts for two measurements counts.
      const lasting = found < before ? found : before;
      before = found;
      if (lasting >= level) calm = 0;
      else if (++calm < CALM) return;
      level = lasting;
      calm = 0;
    },
    shed(load) {
      if (level === 0) return undefined;
      if (level === 1 && load === 'authenticated') return undefined;
      const { mode } = rules();
      if (mode === 'off') return undefined;
      onShed(load, mode);
      return mode === 'enforce' ? OVERLOADED : undefined;
    },
    receiving(load, call, received) {
      const { bodyBytes } = call;
      const { mode } = rules();
      if (mode !== 'off' && !hasRoom(load, bodyBytes)) {
        onShed(load, mode);
        if (mode === 'enforce') {
          call.interrupt(OVERLOADED);
          return received;
        }
      }
      underWay.set(call, load);
      memory.promise(bodyBytes);
      return received.finally(() => {
        underWay.delete(call);
        memory.promise(-bodyBytes);
      });
    },
    readings() {
      const { eventLoopDelayMs, heap, memory } = rules();
      const always = [
        ['event_loop', last.delayMs / eventLoopDelayMs],
        ['heap', last.heap / heap],
      ] as const;
      return last.memory === undefined ? always : [...always, ['memory', last.memory / memory]];
    },
  };
}
