// Moves in the embedded engine: each function is the work of one transaction that its caller began.
import type { KeyedHash } from '../domain.ts';
import type { AdvanceMove, BeginMove, MoveRequest, StoredAccount } from './directory-store.ts';
import type { Accounts } from './sqlite-accounts.ts';
import type { Leases } from './sqlite-leases.ts';
import type { Marks } from './sqlite-mark.ts';

export interface Moves {
  begin(request: MoveRequest, actor: string): BeginMove;
  advance(hash: KeyedHash, actor: string): AdvanceMove;
  abort(hash: KeyedHash, actor: string): 'aborted' | 'none' | 'too_late';
}

export function createMoves(accounts: Accounts, marks: Marks, leases: Leases, now: () => number): Moves {
  /** Where the directory does not know it, as a rule does; under epoch 0, which is none. */
  function known({ hash, otherwise }: MoveRequest): StoredAccount | undefined {
    const account = accounts.get(hash) ?? accounts.first(otherwise?.replaces ?? []);
    if (account !== undefined || otherwise === undefined) return account;
    const { region, pinned, also, identity } = otherwise;
    return { hash: otherwise.hash, region, pinned, also, identity, epoch: 0, move: undefined };
  }

  return {
    begin(request, actor) {
      marks.required();
      const account = known(request);
      if (account === undefined) return { kind: 'missing' };
      const { to, keepOld } = request;
      if (account.move !== undefined) {
        const isThis = account.move.to === to && account.move.keepOld === keepOld;
        return { kind: isThis ? 'joined' : 'other', account };
      }
      if (account.region === to) return { kind: 'there', account };
      const move = { from: account.region, to, phase: 'frozen', keepOld, sinceMs: now() } as const;
      const epoch = marks.raise('move_begun', account.hash, actor, `${account.region} -> ${to}`);
      const begun = { ...account, epoch, move };
      accounts.write(begun);
      return { kind: 'begun', account: begun };
    },
    advance(hash, actor) {
      marks.required();
      const account = accounts.get(hash);
      if (account?.move === undefined) return { kind: 'none' };
      leases.removeExpired();
      // Each step writes the entry, so its epoch is that of the last step.
      const late = leases.all().filter(({ seen }) => seen < account.epoch);
      if (late.length > 0) return { kind: 'waiting', account, for: late };
      const { from, to, phase, keepOld } = account.move;
      const way = `${from} -> ${to}`;
      if (phase === 'cutover') {
        const finished = { ...account, epoch: marks.raise('move_finished', hash, actor, way), move: undefined };
        accounts.write(finished);
        return { kind: 'finished', account: finished };
      }
      const also = account.also.filter((region) => region !== to && region !== from);
      if (keepOld) also.push(from);
      const cutOver: StoredAccount = {
        ...account,
        region: to,
        also: also.sort(),
        epoch: marks.raise('move_cut_over', hash, actor, way),
        move: { ...account.move, phase: 'cutover' },
      };
      accounts.write(cutOver);
      return { kind: 'cutover', account: cutOver };
    },
    abort(hash, actor) {
      marks.required();
      const account = accounts.get(hash);
      if (account?.move === undefined) return 'none';
      const { from, to, phase } = account.move;
      if (phase === 'cutover') return 'too_late';
      const epoch = marks.raise('move_aborted', hash, actor, `${from} -> ${to}`);
      accounts.write({ ...account, epoch, move: undefined });
      return 'aborted';
    },
  };
}
