// Questions and answers between two threads, over one MessagePort: each side serves a table of functions to the other.
// What waits for an answer waits until it comes or the other side has ended: a thread of this process does not get lost
// on the way, as a server might. Who must not wait so long bounds it.
import type { MessagePort } from 'node:worker_threads';
import { pack, unpack } from './clone.ts';

type Args<Service> = Service extends (...args: infer A) => unknown ? A : never;
type Result<Service> = Service extends (...args: never[]) => infer R ? Awaited<R> : never;

/** `Theirs`: what the other side serves. */
export interface Link<Theirs> {
  /** Rejects as the other side's function does, or with a LinkError when that side has ended. */
  ask<Name extends keyof Theirs>(name: Name, ...args: Args<Theirs[Name]>): Promise<Result<Theirs[Name]>>;
  /** Without an answer. */
  tell<Name extends keyof Theirs>(name: Name, ...args: Args<Theirs[Name]>): void;
  /** Resolves when the other side has ended: nothing more comes from it. Never rejects. */
  readonly ended: Promise<void>;
  /** Resolves when all that it asked before has been served, too; some of it may wait for third parties. Never rejects. */
  readonly served: Promise<void>;
  close(): void;
}

/** The other side has ended. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  readonly code = 'THREAD_ENDED';
  constructor() {
    super('the thread that was asked has ended');
  }
}

type Message =
  | { readonly kind: 'ask'; readonly id: number; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: 'tell'; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: unknown };

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (cause: unknown) => void;
}

/** Resolves when the port is closed, from either side. To be asked for before it can be. */
export function closeOf(port: MessagePort): Promise<void> {
  return new Promise((settle) => {
    port.once('close', () => settle());
  });
}

/**
 * @param mine the functions that this side serves: arguments and results are plain (clone.ts), a result may be a promise
 * @param close of a port that may be closed by now (closeOf): that is told once
 */
export function createLink<Theirs>(port: MessagePort, mine: object, close = closeOf(port)): Link<Theirs> {
  const served = mine as Readonly<Record<string, (...args: unknown[]) => unknown>>;
  const waiting = new Map<number, Waiting>();
  const serving = new Set<Promise<void>>();
  let asked = 0;
  let closed = false;

  const send = (message: Message): void => port.postMessage(message);

  async function call(name: string, args: unknown): Promise<unknown> {
    const service = served[name];
    if (service === undefined) throw new Error(`no such service: ${name}`);
    return service(...(args as unknown[]));
  }

  async function serve(id: number, name: string, args: unknown): Promise<void> {
    try {
      send({ kind: 'answer', id, value: pack(await call(name, args)) });
    } catch (error) {
      send({ kind: 'failure', id, error: pack(error) });
    }
  }

  function note(work: Promise<void>): void {
    const done = work.finally(() => serving.delete(done));
    serving.add(done);
  }

  function take(message: Message): void {
    switch (message.kind) {
      case 'ask':
        note(serve(message.id, message.name, unpack(message.args)));
        return;
      case 'tell':
        // A defect in what is told is this thread's own.
        note(call(message.name, unpack(message.args)).then(() => {}));
        return;
      case 'answer':
        waiting.get(message.id)?.resolve(unpack(message.value));
        break;
      case 'failure':
        waiting.get(message.id)?.reject(unpack(message.error));
    }
    waiting.delete(message.id);
  }

  const ended = close.then(() => {
    closed = true;
    for (const { reject } of waiting.values()) reject(new LinkError());
    waiting.clear();
  });
  port.on('message', take);

  return {
    ask(name, ...args) {
      if (closed) return Promise.reject(new LinkError());
      const id = ++asked;
      const answer = Promise.withResolvers<unknown>();
      waiting.set(id, answer);
      send({ kind: 'ask', id, name: String(name), args: pack(args) as unknown[] });
      return answer.promise as Promise<never>;
    },
    tell(name, ...args) {
      if (!closed) send({ kind: 'tell', name: String(name), args: pack(args) as unknown[] });
    },
    ended,
    served: ended.then(async () => void (await Promise.allSettled(serving))),
    close: () => port.close(),
  };
}
