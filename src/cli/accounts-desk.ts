// The desk at the command line: opened beside running gateways, its errors as exit codes.
import { userInfo } from 'node:os';
import { accountKey } from '../caller/credentials.ts';
import { didYouMean } from '../config/problem.ts';
import type { Config } from '../config/types.ts';
import type { RegionName } from '../domain.ts';
import { createAccounts } from '../locality/accounts.ts';
import { createDesk, type Desk, type DeskCode, DeskError } from '../locality/desk.ts';
import { type Books, createBooks } from '../locality/desk-books.ts';
import { isForeign } from '../locality/foreign-key.ts';
import { createSource, type Source } from '../locality/source.ts';
import { readConfig } from './config.ts';
import { CommandError, EXIT, type ExitCode } from './exit.ts';
import { openState, READY_MS, type State } from './state.ts';
import { say } from './terminal.ts';

export interface Office extends State {
  readonly config: Config;
  readonly desk: Desk;
  readonly books: Books;
  readonly regions: readonly RegionName[];
  readonly actor: string;
  readonly suggest: typeof didYouMean;
}

const CODES: Readonly<Record<DeskCode, ExitCode>> = {
  malformed: EXIT.usage,
  unknown_region: EXIT.usage,
  keep_old_required: EXIT.usage,
  not_found: EXIT.failure,
  conflict: EXIT.failure,
  hidden_by_rule: EXIT.config,
  unavailable: EXIT.system,
};

/**
 * Opens the desk of a configuration, does `work` there and closes it again.
 * @param how `read` makes no store where there is none
 * @throws CommandError
 */
export async function atDesk<T>(
  file: string | undefined,
  how: 'read' | 'write',
  work: (office: Office) => Promise<T>,
): Promise<T> {
  const { config } = readConfig(file);
  const state = await openState(config, how);
  const source = openSource(config, state);
  try {
    checkUp(state);
    return await work(createOffice(config, state, source));
  } catch (error) {
    if (error instanceof DeskError) throw new CommandError(error.message, CODES[error.code]);
    throw error;
  } finally {
    await source?.close();
    await state.store.close();
  }
}

/** Each question would wait for the store again, and none would be answered. */
function checkUp({ store, awayBecause }: State): void {
  if (store.readings().up) return;
  const why = awayBecause();
  throw new CommandError(
    `The store has not answered for ${READY_MS / 1000} s${why === undefined ? '' : ` (${why})`}. Nothing was changed, and ` +
      'nothing is guessed: try again when it is back.',
    EXIT.system,
  );
}

/** Under another identity key than the gateways' a command writes what they never find, and finds nothing of theirs. */
export async function warnOfForeignKey({ store, hashes }: Pick<Office, 'store' | 'hashes'>): Promise<void> {
  // Where the store gives no list, what the command asks next tells why.
  if (!(await isForeign(store.directory, hashes))) return;
  say(
    'Attention: the directory has entries, but none of those looked at is under the identity key of this command. If the ' +
      'gateways have another key, they never find what is written here. Give the command theirs (GATEWAY_IDENTITY_KEY, or ' +
      'the file of identityKey).',
  );
}

/** The file of its answers is the running gateway's. */
function openSource(config: Config, { hashes }: State): Source | undefined {
  const { source } = config.accounts;
  if (source === undefined) return undefined;
  const regions = new Set(config.regions.map(({ name }) => name));
  const own = { token: source.token, file: undefined, entries: 1, hash: hashes.current, regions, now: Date.now };
  return createSource({ ...source, ...own });
}

function createOffice(config: Config, state: State, source: Source | undefined): Office {
  const actor = whoAmI();
  const regions = config.regions.map(({ name }) => name);
  const parts = { store: state.store.directory, hashes: state.hashes, normalise: accountKey };
  const desk = createDesk({
    ...parts,
    actor,
    regions,
    order: config.accounts.order,
    locateByRules: createAccounts(config.accounts.rules, accountKey),
    suggest: didYouMean,
    ...(source === undefined ? {} : { locateBySource: source.locate }),
  });
  return { ...state, config, desk, books: createBooks(parts), regions, actor, suggest: didYouMean };
}

/** `cli:USER`: events name who made a change. */
function whoAmI(): string {
  try {
    return `cli:${userInfo()
      .username.replace(/[^\w.@-]/g, '_')
      .slice(0, 64)}`;
  } catch {
    // A container may run as a user that nobody has given a name.
    return `cli:${process.getuid?.() ?? 'unknown'}`;
  }
}
