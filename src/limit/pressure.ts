// How near a thread is to having more to do than it can do in time, or more in its hands than it has memory for, and whom it turns away then: callers without an account
// first, and those with one when even that is not enough. One object a thread; what it asks of a request is one number.
import { Refusal } from '../refusal.ts';

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

export interface Pressure {
  /** Told of every measurement, in turn. */
  readonly measured: (now: Measured) => void;
  /** Asked of every request, before its body is received. */
  readonly shed: Shed;
  /** What was measured last, by what there is a bound for: 1 is the bound. */
  readings(): readonly (readonly [kind: 'event_loop' | 'heap' | 'memory', ofBound: number])[];
}

/** Nobody is turned away; callers without an account are; everybody is. */
type Level = 0 | 1 | 2;

/** Of the bound: where the event loop is as late as this, everybody is turned away. */
const HARDER_DELAY = 2;
/** Measurements within the bounds until fewer are turned away: in between, what was turned away comes again. */
const CALM = 5;

/** Once for all: who is turned away must cost nothing. */
const OVERLOADED = new Refusal('overloaded', { outcome: 'not_sent', headers: ['Retry-After', '1'] });

/** Of what is measured in parts of a whole: everybody is turned away from half of what is left above the bound on. */
function levelOfPart(part: number, bound: number): Level {
  if (bound >= 1 || part < bound) return 0;
  return part >= (1 + bound) / 2 ? 2 : 1;
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
): Pressure {
  let level: Level = 0;
  let before: Level = 0;
  let calm = 0;
  let last: Measured = { delayMs: 0, heap: 0, memory: undefined };

  return {
    measured(now) {
      last = now;
      const inForce = rules();
      if (inForce.mode !== 'off' && levelOfPart(now.memory ?? 0, inForce.memory) > 0) collect();
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
