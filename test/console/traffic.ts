// Callers, as a gateway sees them on a quiet day: secrets are made, looked at, retrieved and burned, and some calls are refused.
import { setTimeout as pause } from 'node:timers/promises';
import { type Call, call, type Reply } from '../support/http.ts';
import { ALICE, BRUNO, CAROL, DORA, WANDERER } from '../support/lab.ts';

export interface Traffic extends AsyncDisposable {
  /** Ends it, and waits for the calls under way. */
  stop(): Promise<void>;
}

const CALLERS = [ALICE, ALICE, CAROL, ALICE, BRUNO, DORA, WANDERER];
/** Of an address that nobody is limited by for what others do. */
const addressOf = (at: number): string => `127.0.${1 + (at % 7)}.${1 + (at % 200)}`;

/** @param url of the gateway's public listener @param everyMs between two callers' beginnings */
export function startTraffic(url: string, everyMs = 40): Traffic {
  const stopped = new AbortController();
  const underWay = new Set<Promise<void>>();

  async function run(): Promise<void> {
    for (let at = 0; !stopped.signal.aborted; at += 1) {
      const own = visit((method, path, options) => call(url, method, path, options), at)
        .catch(() => {
          // A region may be down, or the gateway be closing: what came of it stands in the gateway's metrics.
        })
        .finally(() => underWay.delete(own));
      underWay.add(own);
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

type Ask = (method: string, path: string, options: Call) => Promise<Reply>;

async function create(ask: Ask, options: Call): Promise<Readonly<Record<'secret_key' | 'metadata_key', string>>> {
  const reply = await ask('POST', '/api/v1/share', { ...options, body: 'secret=s3cret-value&ttl=3600' });
  return JSON.parse(reply.body);
}

/** One caller's visit: some calls that belong together. */
async function visit(ask: Ask, at: number): Promise<void> {
  const from = addressOf(at);
  const as = CALLERS[at % CALLERS.length];
  switch (at % 10) {
    case 0:
    case 1: {
      const made = await create(ask, { as, from });
      await ask('POST', `/api/v1/secret/${made.secret_key}`, { from });
      return;
    }
    case 2: {
      const made = await create(ask, { as, from });
      await ask('POST', `/api/v1/private/${made.metadata_key}`, { as, from });
      await ask('POST', `/api/v1/private/${made.metadata_key}/burn`, { as, from });
      return;
    }
    case 7:
      // Outside its region, or nobody at all.
      await ask('POST', '/us/api/v1/share', { as: BRUNO, from, body: 'secret=x' });
      await ask('GET', '/api/v1/private/recent', { from });
      return;
    case 8:
      // Somebody guesses keys.
      await ask('POST', `/eu/api/v1/secret/nosuchkey0000000000000000${at}`, { from: '127.0.9.9' });
      return;
    default:
      await create(ask, { as, from });
      await ask('GET', '/api/v1/authcheck', { as, from });
  }
}
