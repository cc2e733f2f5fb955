// The state of a configuration for a command: its identity keys and its store, opened beside running gateways.
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config/types.ts';
import { createKeyedHash } from '../keyed-hash.ts';
import type { Hashes } from '../locality/desk-books.ts';
import { type IdentityKeys, loadIdentityKeys } from '../store/identity-key.ts';
import { openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import { CommandError, EXIT, stateProblem } from './exit.ts';
import { say } from './terminal.ts';

export interface State {
  readonly store: Store;
  readonly hashes: Hashes;
  /** Of a distributed store that is away: a code, as far as one is known. */
  awayBecause(): string | undefined;
}

/** Operators wait longer than requests. */
const COMMAND_STORE_TIMEOUT_MS = 2000;
export const READY_MS = 5000;
const READY_EVERY_MS = 25;
const SAY_SO_MS = 1000;

/**
 * @param how `read` makes no store where there is none
 * @throws CommandError with what to do
 */
export async function openState(config: Config, how: 'read' | 'write'): Promise<State> {
  const env = process.env.GATEWAY_IDENTITY_KEY;
  checkPlaces(config, how, env);
  try {
    const identity = loadIdentityKeys({ file: config.identityKeyFile, env, now: Date.now });
    let why: string | undefined;
    const store = openStore(config.store, {
      observe(event) {
        if (event.kind === 'away') why = event.why ?? why;
      },
      now: Date.now,
      storeTimeoutMs: Math.max(config.storeTimeoutMs, COMMAND_STORE_TIMEOUT_MS),
    });
    await untilReady(store);
    return { store, hashes: hashesOf(identity), awayBecause: () => why };
  } catch (error) {
    throw stateProblem(error) ?? error;
  }
}

export function hashesOf({ current, older }: IdentityKeys): Hashes {
  return { current: createKeyedHash(current), older: older.map(createKeyedHash) };
}

/** Another key than the gateways' would hash names to entries that no gateway finds. */
function checkPlaces({ store, identityKeyFile }: Config, how: 'read' | 'write', env: string | undefined): void {
  const hasKey = env !== undefined || existsSync(identityKeyFile);
  if (store.kind === 'valkey') {
    if (hasKey) return;
    throw new CommandError(
      `There is no identity key at ${identityKeyFile}. Every gateway on this store has the same one: give it to this ` +
        'command too, as that file or as GATEWAY_IDENTITY_KEY.',
      EXIT.config,
    );
  }
  if (store.path === ':memory:') {
    throw new CommandError(
      'The store is in memory (sqlite::memory:), where only the gateway itself sees it. Use the admin API, or give store ' +
        'a file.',
      EXIT.config,
    );
  }
  if (!existsSync(store.path)) {
    if (how === 'write') return;
    throw new CommandError(
      `There is no store at ${store.path} yet, so the directory is empty. The gateway makes it on first start, and ` +
        '`onetime-gateway accounts add` and `import` do.',
    );
  }
  if (hasKey) return;
  throw new CommandError(
    `There is a store at ${store.path}, but no identity key at ${identityKeyFile} to look into it with. If the gateway ` +
      'is given its key as GATEWAY_IDENTITY_KEY, give it to this command too.',
    EXIT.config,
  );
}

/** A distributed engine is being connected to; one that stays away is told by what is asked of it. */
async function untilReady(store: Store): Promise<void> {
  const beganMs = performance.now();
  let said = false;
  for (;;) {
    const waitedMs = performance.now() - beganMs;
    if (store.readings().up || waitedMs >= READY_MS) return;
    if (!said && waitedMs >= SAY_SO_MS) say(`Waiting for the store, ${READY_MS / 1000} s at most ...`);
    said ||= waitedMs >= SAY_SO_MS;
    await pause(READY_EVERY_MS);
  }
}
