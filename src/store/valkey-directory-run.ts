// Runs the directory's scripts: their keys, their time, and what their answers mean for all of them.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Patience } from '../domain.ts';
import { MarkMissingError } from './directory-store.ts';
import { StoreAwayError } from './store.ts';
import type { ValkeyClient } from './valkey-client.ts';
import type { directoryScripts } from './valkey-scripts.ts';

type Script = (typeof directoryScripts)[keyof typeof directoryScripts];

/** How long what operators ask may take, in all. */
const OPERATOR_TIMEOUT_MS = 15_000;
const HELD_RETRY_MS = 50;

export interface DirectoryKeys {
  readonly accounts: string;
  /** What every script is given. */
  readonly all: readonly string[];
  /** Names of their own for one import. */
  staged(id: string): { readonly next: string; readonly old: string };
}

/** All in one slot of a cluster. */
export function directoryKeys(prefix: string): DirectoryKeys {
  const tag = `${prefix}{dir}`;
  const accounts = `${tag}accounts`;
  return {
    accounts,
    all: [accounts, `${tag}changes`, `${tag}leases`, `${tag}drained`, `${tag}moving`],
    staged: (id) => ({ next: `${tag}next:${id}`, old: `${tag}old:${id}` }),
  };
}

export interface Answer {
  /** The first word of the script's answer. */
  readonly kind: string;
  readonly rest: readonly unknown[];
}

export interface RunOptions {
  readonly timeoutMs?: number;
  /** Asked as requests ask: a late answer makes the engine away, and while it is nobody waits. */
  readonly patience?: Patience;
  readonly moreKeys?: readonly string[];
  /** Whether `held` is the caller's to deal with. */
  readonly heldIsAnswer?: boolean;
}

export type Run = (
  script: Script,
  args: readonly (string | number | Buffer)[],
  options?: RunOptions,
) => Promise<Answer>;

/** Tries again while another's import is about to end. Rejects with StoreAwayError or MarkMissingError. */
export function createRun(client: ValkeyClient, keys: DirectoryKeys): Run {
  return async (script, args, options = {}) => {
    const { timeoutMs = OPERATOR_TIMEOUT_MS, patience, moreKeys = [], heldIsAnswer = false } = options;
    const endMs = performance.now() + timeoutMs;
    const question = (redis: Parameters<Script>[0]): Promise<unknown> =>
      script(redis, [...keys.all, ...moreKeys], [`${client.prefix}news`, ...args]);
    for (;;) {
      const answer = await (patience === undefined
        ? client.askPatiently(question, endMs - performance.now())
        : client.ask(question, patience));
      const [kind, ...rest] = Array.isArray(answer) ? (answer as unknown[]) : [];
      if (String(kind) === 'lost') throw new MarkMissingError();
      if (String(kind) !== 'held' || heldIsAnswer) return { kind: String(kind), rest };
      if (performance.now() + HELD_RETRY_MS >= endMs) throw heldError();
      await sleep(HELD_RETRY_MS);
    }
  };
}

export function heldError(): StoreAwayError {
  return new StoreAwayError('an import of accounts is being written: try again', 'STORE_HELD');
}

/** A list of byte strings in an answer. */
export function buffersOf(value: unknown): readonly Buffer[] {
  return Array.isArray(value) ? value.filter((item) => Buffer.isBuffer(item)) : [];
}
