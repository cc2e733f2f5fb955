// One connection of a pool of the passed-through paths: it tells a passage whose certificate it was opened with, which the
// pool cannot, since its connections may have been shown different ones.
import type { Dispatcher, Client as UndiciClient } from 'undici';
import Client from 'undici/lib/dispatcher/client.js';
import type { createDial, Reached } from './dial.ts';

/** Of the connection that a passage is given to: undefined before it is open. */
export interface Shown {
  readonly reached: Reached | undefined;
}

/** What comes along with a request: `opaque` of undici's options. */
interface Carried {
  readonly opaque?: { shown?: Shown | undefined } | undefined;
}

export class Line extends Client {
  readonly #shown: Shown;

  constructor(origin: URL, options: UndiciClient.Options, dial: ReturnType<typeof createDial>) {
    const shown: { reached: Reached | undefined } = { reached: undefined };
    const connect = dial((reached) => {
      shown.reached = reached;
    });
    super(origin, { ...options, connect });
    this.#shown = shown;
  }

  override dispatch(options: Dispatcher.DispatchOptions & Carried, handler: Dispatcher.DispatchHandler): boolean {
    if (options.opaque !== undefined) options.opaque.shown = this.#shown;
    return super.dispatch(options, handler);
  }
}
