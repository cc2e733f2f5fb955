// The live feed: follows GET /admin/v1/live, keeps the samples of the last minutes, and comes back by itself when the
// connection is lost.
import type { LiveState } from '../../listener/admin-live-types.ts';
import type { Send } from './api.ts';
import { ApiProblem } from './problem.ts';
import type { Live, Sample } from './samples.ts';
import { createEventParser } from './sse.ts';

export interface Feed extends Live {
  /** @param listener called after each change @returns takes it off */
  follow(listener: () => void): () => void;
  /** At once, with the token as it is now. */
  restart(): void;
}

const SAMPLES_MAX = 900;
/** A state comes each second: so long without one, and nobody is there any more. */
const SILENCE_MS = 8000;
const WAIT_MS = { first: 500, most: 8000 } as const;

export function createFeed(send: Send): Feed {
  const listeners = new Set<() => void>();
  const samples: Sample[] = [];
  let held: Omit<Live, 'samples'> = {
    connection: 'connecting',
    lostAtMs: undefined,
    problem: undefined,
    state: undefined,
  };
  let attempt = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waitMs: number = WAIT_MS.first;

  function change(to: Partial<Omit<Live, 'samples'>>): void {
    held = { ...held, ...to };
    for (const listener of listeners) listener();
  }

  function keep(sample: Sample): void {
    samples.push(sample);
    if (samples.length > SAMPLES_MAX) samples.splice(0, samples.length - SAMPLES_MAX);
  }

  function heard(state: LiveState): void {
    waitMs = WAIT_MS.first;
    keep({ at: Date.parse(state.time) / 1000, state });
    change({ connection: 'open', lostAtMs: undefined, problem: undefined, state });
  }

  function lost(problem: ApiProblem | undefined): void {
    if (held.connection !== 'lost' || held.problem?.code !== problem?.code) {
      const last = samples.at(-1);
      if (last !== undefined && last.state !== null) keep({ at: last.at + 1, state: null });
      change({ connection: 'lost', lostAtMs: held.lostAtMs ?? Date.now(), problem });
    }
    timer = setTimeout(connect, waitMs);
    waitMs = Math.min(waitMs * 2, WAIT_MS.most);
  }

  function connect(): void {
    clearTimeout(timer);
    const own = new AbortController();
    attempt = own;
    readStates(send, own, heard).catch((error: unknown) => {
      if (attempt !== own) return;
      if (error instanceof ApiProblem && (error.status === 401 || error.status === 403)) {
        change({ connection: 'denied', problem: error });
      } else lost(error instanceof ApiProblem && error.status > 0 ? error : undefined);
    });
  }

  function restart(): void {
    attempt.abort();
    waitMs = WAIT_MS.first;
    connect();
  }

  addEventListener('online', () => held.connection === 'lost' && restart());
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && held.connection === 'lost') restart();
  });
  connect();
  return {
    get connection() {
      return held.connection;
    },
    get lostAtMs() {
      return held.lostAtMs;
    },
    get problem() {
      return held.problem;
    },
    get state() {
      return held.state;
    },
    samples,
    restart,
    follow(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Reads until the stream ends or falls silent, and always ends with an error. */
async function readStates(send: Send, own: AbortController, heard: (state: LiveState) => void): Promise<never> {
  let watchdog = setTimeout(() => own.abort(), SILENCE_MS);
  try {
    const response = await send('/live', { accept: 'text/event-stream', signal: own.signal });
    if (response.body === null) throw new Error('no stream');
    const parser = createEventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error('the stream has ended');
      for (const { event, data } of parser.take(value)) {
        if (event !== 'state') continue;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => own.abort(), SILENCE_MS);
        heard(JSON.parse(data));
      }
    }
  } finally {
    clearTimeout(watchdog);
  }
}
