// The other workers, told without the main thread: it may be busy just then.
import { BroadcastChannel } from 'node:worker_threads';
import type { StoredKey } from '../store/store.ts';
import { pack, unpack } from './clone.ts';

/** One for the process: it runs one gateway. */
const NAME = 'onetime-gateway workers';

export interface Siblings {
  /** Keys that this worker learned and that the store did not take, or not yet: the gateway knows them all the same. */
  tell(rows: readonly StoredKey[]): void;
  /** What the others tell. */
  hear(listener: (rows: readonly StoredKey[]) => void): void;
}

/** It does not keep its thread alive. */
export function openSiblings(): Siblings {
  const channel = new BroadcastChannel(NAME);
  channel.unref();
  return {
    tell: (rows) => channel.postMessage(pack(rows)),
    hear(listener) {
      channel.onmessage = (event: unknown) => listener(unpack((event as MessageEvent).data) as readonly StoredKey[]);
      channel.unref();
    },
  };
}
