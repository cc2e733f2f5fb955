// Callers, as a lab sees them on a quiet day: secrets are made, looked at, retrieved and burned, and some calls are refused.
import { setTimeout as pause } from 'node:timers/promises';
import { ALICE, BRUNO, CAROL, DORA, type Lab, WANDERER } from '../support/lab.ts';

export interface Traffic extends AsyncDisposable {
  /** Ends it, and waits for the calls under way. */
  stop(): Promise<void>;
}

const CALLERS = [ALICE, ALICE, CAROL, ALICE, BRUNO, DORA, WANDERER];
/** Of an address that nobody is limited by for what others do. */
const addressOf = (at: number): string => `127.0.${1 + (at % 7)}.${1 + (at % 200)}`;

/** @param everyMs between two callers' beginnings */
export function startTraffic(lab: Lab, everyMs = 40): Traffic {
  const stopped = new AbortController();
  const underWay = new Set<Promise<void>>();

  async function run(): Promise<void> {
    for (let at = 0; !stopped.signal.aborted; at += 1) {
      const call = visit(lab, at)
        .catch(() => {
          // A region may be down, or the lab be closing: what came of it stands in its metrics.
        })
        .finally(() => underWay.delete(call));
      underWay.add(call);
      // Never quite even: nobody's callers are.
      const wave = 1 + 0.5 * Math.sin(at / 40) + 0.2 * Math.sin(at / 7);
      await pause(everyMs / wave, undefined, { signal: stopped.signal }).catch(() => {});
    }
  }
  const running = run();

  async function stop(): Promise<void> {
    stopped.abort();
    await running;
    await Promise.all(underWay);
  }
  return { stop, [Symbol.asyncDispose]: stop };
}

/** One caller's visit: some calls that belong together. */
async function visit(lab: Lab, at: number): Promise<void> {
  const from = addressOf(at);
  const as = CALLERS[at % CALLERS.length];
  switch (at % 10) {
    case 0:
    case 1: {
      const { secret } = await lab.create({ as, from });
      await lab.call('POST', `/api/v1/secret/${secret}`, { from });
      return;
    }
    case 2: {
      const { metadata } = await lab.create({ as, from });
      await lab.call('POST', `/api/v1/private/${metadata}`, { as, from });
      await lab.call('POST', `/api/v1/private/${metadata}/burn`, { as, from });
      return;
    }
    case 7:
      // Outside its region, or nobody at all.
      await lab.call('POST', '/us/api/v1/share', { as: BRUNO, from, body: 'secret=x' });
      await lab.call('GET', '/api/v1/private/recent', { from });
      return;
    case 8:
      // Somebody guesses keys.
      await lab.call('POST', `/eu/api/v1/secret/nosuchkey0000000000000000${at}`, { from: '127.0.9.9' });
      return;
    default:
      await lab.create({ as, from });
      await lab.call('GET', '/api/v1/authcheck', { as, from });
  }
}
