// Moves as operators ask for them: what is checked before an account is frozen.
import type { AccountFacts, MoveRequest, StoredAccount } from '../store/directory-store.ts';
import type { Desk, DeskOptions } from './desk.ts';
import { type Books, hashOfId, viewOf } from './desk-books.ts';
import { asking, DeskError } from './desk-error.ts';
import type { Regions } from './desk-regions.ts';
import type { Standings } from './desk-standing.ts';

interface Parts {
  readonly books: Books;
  readonly regions: Regions;
  readonly standing: Standings;
}

const PLACES = { rules: 'A rule of the configuration', source: 'The source of accounts', directory: '' } as const;

export function createMoving(options: DeskOptions, parts: Parts): Pick<Desk, 'move' | 'advance' | 'abort'> {
  const { store, actor, order } = options;
  const { books, regions, standing } = parts;
  const place = order.indexOf('directory');

  /** A move changes the directory: it would do nothing for an account of which something else is asked first. */
  async function checkHidden(name: string): Promise<void> {
    if (place === -1) {
      throw new DeskError('hidden_by_rule', 'The directory is not asked for accounts: accounts.order leaves it out.');
    }
    const before = await standing.first(order.slice(0, place), name, undefined);
    if (before === undefined) return;
    throw new DeskError(
      'hidden_by_rule',
      `${PLACES[before.by]} knows this account and comes before the directory: the move would change nothing. Put ` +
        'directory first in accounts.order, or change it there.',
    );
  }

  /** Where it lives now: by its entry, or by what is asked after the directory. */
  async function factsOf(name: string, entry: StoredAccount | undefined): Promise<AccountFacts> {
    if (entry !== undefined) return entry;
    const said = await standing.first(order.slice(place + 1), name, undefined);
    if (said?.locality !== undefined) {
      const { home, pinned, also } = said.locality;
      return regions.facts({ region: home, pinned, also });
    }
    throw new DeskError('not_found', 'Nobody knows this account: add it first, with the region where it lives.');
  }

  async function begin(request: MoveRequest): Promise<{ begun: boolean; account: StoredAccount }> {
    const answer = await asking(() => store.beginMove(request, actor));
    if (answer.kind === 'missing') {
      throw new DeskError('not_found', 'The account was removed at the same moment: there is nothing to move.');
    }
    const { kind, account } = answer;
    if (kind === 'there') throw livesThere(request.to);
    if (kind === 'other') throw underWay(account);
    return { begun: kind === 'begun', account };
  }

  return {
    async move(name, to, keepOld) {
      const hashes = books.hashesOf(name);
      regions.check(to);
      await checkHidden(name);
      const entry = await books.entryOf(hashes);
      const facts = await factsOf(name, entry);
      if (entry?.move !== undefined) checkJoin(entry, to, keepOld);
      else if (facts.region === to) throw livesThere(to);
      else if (facts.pinned && keepOld === undefined) throw keepOldRequired(facts.region, to);
      const { begun, account } = await begin({
        hash: entry?.hash ?? hashes[0],
        to,
        keepOld: entry?.move?.keepOld ?? keepOld ?? true,
        otherwise: entry === undefined ? books.rowOf(name, facts) : undefined,
      });
      return { begun, account: viewOf(account) };
    },
    async advance(id) {
      const hash = hashOfId(id);
      return asking(() => store.advanceMove(hash, actor));
    },
    async abort(who) {
      if ('id' in who) return asking(() => store.abortMove(hashOfId(who.id), actor));
      const entry = await books.entryOf(books.hashesOf(who.name));
      return entry === undefined ? 'none' : asking(() => store.abortMove(entry.hash, actor));
    },
  };
}

/** Only the very same move is joined: whether the old region stays reachable is nothing to be mistaken about. */
function checkJoin(entry: StoredAccount, to: string, keepOld: boolean | undefined): void {
  if (entry.move?.to !== to) throw underWay(entry);
  if (keepOld === undefined || keepOld === entry.move.keepOld) return;
  const { from } = entry.move;
  throw new DeskError(
    'conflict',
    `This move is under way and ${entry.move.keepOld ? 'keeps' : 'drops'} the old region ${from}. To have it otherwise, ` +
      'abort it, which is possible before cutover, and begin again.',
  );
}

function underWay({ move }: StoredAccount): DeskError {
  const what = move === undefined ? 'Another move' : `A move from ${move.from} to ${move.to} (${move.phase})`;
  return new DeskError(
    'conflict',
    `${what} of this account is under way. Wait for its end, or abort it before cutover.`,
  );
}

function livesThere(region: string): DeskError {
  return new DeskError('conflict', `The account lives in ${region} already: there is nothing to move.`);
}

function keepOldRequired(from: string, to: string): DeskError {
  return new DeskError(
    'keep_old_required',
    `The account is pinned. What it made before stays in ${from}; living in ${to} it reaches that only if ${from} stays ` +
      'among its other regions. Say whether to keep or to drop the old region.',
  );
}
