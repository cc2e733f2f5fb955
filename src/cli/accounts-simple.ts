// `accounts add`, `remove`, `show`, `list` and `moves`.
import type { Standing } from '../locality/desk.ts';
import { atDesk, warnOfForeignKey } from './accounts-desk.ts';
import { accountLine, BY, factsText, gatewaysText, moveText, standingText } from './accounts-text.ts';
import { CommandError, EXIT, type ExitCode } from './exit.ts';
import { print, printJson, printResult, say } from './terminal.ts';

export interface WithConfig {
  readonly config?: string;
}

export interface AddOptions extends WithConfig {
  readonly json?: boolean;
  readonly region?: string;
  readonly pinned: boolean;
  readonly also: readonly string[];
  readonly overwrite?: boolean;
}

export async function accountsAdd(name: string, options: AddOptions): Promise<ExitCode> {
  const { region } = options;
  if (region === undefined) throw new CommandError('Say where it lives: --region REGION.', EXIT.usage);
  return atDesk(options.config, 'write', async (office) => {
    const { desk } = office;
    const { pinned, also, overwrite = false } = options;
    await warnOfForeignKey(office);
    const before = await desk.show(name);
    const { result, account } = await desk.add(name, { region, pinned, also }, overwrite);
    if (result === 'moving') {
      throw new CommandError(
        `Nothing was written: the account is being moved (${account.move && moveText(account.move)}).`,
      );
    }
    if (result === 'region') {
      throw new CommandError(
        `Nothing was written: the account lives in ${account.region}. Move it, which loses nothing under way: ` +
          `onetime-gateway accounts move NAME --to ${region}. Or write it at once with --overwrite.`,
      );
    }
    const text = `${result}: ${factsText(account)} (id ${account.id}, epoch ${account.epoch})`;
    printResult(options.json, { result, account }, text);
    sayFormer(before, region);
    const { by } = await desk.show(name);
    if (by === 'rules' || by === 'source') {
      say(`The entry is not in force: ${BY[by]} knows the account and comes first in accounts.order.`);
    } else if (by === 'unknown') {
      say('The entry is not in force: accounts.order leaves the directory out.');
    }
    return EXIT.ok;
  });
}

/** A rule is no entry: nothing keeps it from being overruled, but what was made under it stays where it is. */
function sayFormer({ by, locality }: Standing, region: string): void {
  if ((by !== 'rules' && by !== 'source') || locality === undefined || locality.home === region) return;
  say(
    `Until now ${BY[by]} said ${locality.home}: what the account made there stays there. Where it is in ` +
      'use already, accounts move is the way that loses nothing.',
  );
}

export function accountsRemove(name: string, options: WithConfig & { readonly json?: boolean }): Promise<ExitCode> {
  return atDesk(options.config, 'write', async (office) => {
    const { desk } = office;
    await warnOfForeignKey(office);
    const result = await desk.remove({ name });
    if (result === 'missing') throw new CommandError('The directory does not know this account: nothing was removed.');
    if (result === 'moving') {
      throw new CommandError('Nothing was removed: the account is being moved. Abort the move or wait for its end.');
    }
    const { by } = await desk.show(name);
    const text = by === 'unknown' ? 'removed' : `removed; the account is still known by ${BY[by]}`;
    printResult(options.json, { result, by }, text);
    return EXIT.ok;
  });
}

export function accountsShow(name: string, options: WithConfig & { readonly json?: boolean }): Promise<ExitCode> {
  return atDesk(options.config, 'read', async (office) => {
    const { desk, config } = office;
    await warnOfForeignKey(office);
    const standing = await desk.show(name);
    if (options.json) printJson({ ...standing, locality: standing.locality ?? null, entry: standing.entry ?? null });
    else print(standingText(standing, config.accounts.order));
    return EXIT.ok;
  });
}

export interface ListOptions extends WithConfig {
  readonly limit: number;
  readonly after?: string;
  readonly json?: boolean;
}

const PAGE = 1000;

export function accountsList(options: ListOptions): Promise<ExitCode> {
  return atDesk(options.config, 'read', async ({ desk }) => {
    const accounts = [];
    let next = options.after;
    do {
      const page = await desk.list(next, Math.min(PAGE, options.limit - accounts.length));
      accounts.push(...page.accounts);
      next = page.next;
    } while (next !== undefined && accounts.length < options.limit);
    const total = await desk.count();
    if (options.json) {
      printJson({ accounts, next: next ?? null, total });
      return EXIT.ok;
    }
    for (const account of accounts) print(accountLine(account));
    say(
      `${accounts.length} of ${total} accounts. Names are not stored: an id is the keyed hash of one (accounts show NAME).`,
    );
    if (next !== undefined) say(`More: onetime-gateway accounts list --after ${next}`);
    return EXIT.ok;
  });
}

export function accountsMoves(options: WithConfig & { readonly json?: boolean }): Promise<ExitCode> {
  return atDesk(options.config, 'read', async ({ desk }) => {
    const moves = await desk.moves();
    const gateways = await desk.gateways();
    if (options.json) {
      printJson({ moves, gateways });
      return EXIT.ok;
    }
    for (const { id, epoch, move } of moves) {
      const behind = gateways.filter(({ seen }) => seen < epoch);
      if (move === null) continue;
      print(`${id}  ${moveText(move)}${behind.length === 0 ? '' : `; waits for ${gatewaysText(behind)}`}`);
    }
    say(`${moves.length} under way; ${gateways.length} gateways watch the directory.`);
    return EXIT.ok;
  });
}
