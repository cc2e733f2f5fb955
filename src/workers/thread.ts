// One worker thread from its start to its end, as the main thread sees it.
import type { Snapshot } from '../record/aggregate.ts';
import type { BegunThread } from './begun.ts';
import { pack } from './clone.ts';
import { CRASHED, type Given, type MainServices, type WorkerServices } from './given.ts';
import { createLink, type Link } from './link.ts';

/** Why a thread is no longer there. */
export type End = 'crashed' | 'out_of_memory' | 'ended';

export interface Ended {
  readonly how: End;
  /** What it said of its failure to begin, or what the runtime says of its end. */
  readonly cause: unknown;
}

export interface Thread {
  readonly holder: number;
  readonly lease: Given['lease'];
  readonly link: Pick<Link<WorkerServices>, 'ask' | 'tell'>;
  /** Resolves to its URL when it answers callers; rejects with the cause when it ends before. */
  readonly listening: Promise<string>;
  readonly isListening: () => boolean;
  /** Resolves when it has ended, and nothing more comes from it. Never rejects. */
  readonly ended: Promise<Ended>;
  /** Resolves when all that it had asked has been served, too. Never rejects. */
  readonly served: Promise<void>;
  /** Its metrics as they were known last. */
  readonly counted: () => Snapshot;
  /** Asks for its metrics now, and waits for `boundMs` at most. */
  snapshot(boundMs: number): Promise<Snapshot>;
  terminate(): Promise<unknown>;
}

export interface ThreadOptions {
  readonly begun: BegunThread;
  readonly given: Given;
  readonly services: Omit<MainServices, 'listening' | 'parting' | 'failed' | 'last'>;
  /** Called at its very end, before anything waits: what it held in shared memory stops the others. */
  readonly onExit: () => void;
}

function howOf(code: number, cause: unknown): End {
  const runtime = (cause as { code?: unknown } | undefined)?.code;
  if (runtime === 'ERR_WORKER_OUT_OF_MEMORY') return 'out_of_memory';
  return code === CRASHED || cause !== undefined ? 'crashed' : 'ended';
}

export function startThread({ begun, given, services, onExit }: ThreadOptions): Thread {
  const { worker, port, close } = begun;
  const listening = Promise.withResolvers<string>();
  let isListening = false;
  let cause: unknown;
  let known: Snapshot = [];

  const mine: MainServices = {
    ...services,
    listening(url: string) {
      isListening = true;
      listening.resolve(url);
    },
    parting() {
      isListening = false;
    },
    failed(failure: unknown) {
      cause ??= failure;
    },
    last(snapshot: Snapshot) {
      known = snapshot;
    },
  };
  const link = createLink<WorkerServices>(port, mine, close);
  port.postMessage(pack(given));
  const exited = begun.exited.then(({ code, error }) => {
    isListening = false;
    cause ??= error;
    onExit();
    return code;
  });
  const ended = Promise.all([exited, link.ended]).then(([code]): Ended => {
    listening.reject(cause ?? new Error('a worker ended before it could answer callers'));
    return { how: howOf(code, cause), cause };
  });
  // Who waits for it is told; nobody has to.
  listening.promise.catch(() => {});

  return {
    holder: given.holder,
    lease: given.lease,
    link,
    listening: listening.promise,
    isListening: () => isListening,
    ended,
    served: link.served,
    counted: () => known,
    async snapshot(boundMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<Snapshot>((settle) => {
        timer = setTimeout(() => settle(known), boundMs);
      });
      const asked = link.ask('snapshot').then(
        (snapshot) => {
          known = snapshot;
          return snapshot;
        },
        () => known,
      );
      return Promise.race([asked, late]).finally(() => clearTimeout(timer));
    },
    terminate: () => worker.terminate(),
  };
}
