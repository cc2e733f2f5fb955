// The directory and its moves in plain objects: what directory-store.ts promises, in as few words as possible.
import type { AccountFacts, ChangeKind, ImportSummary, Move, PutResult } from '../../src/store/directory-store.ts';

export interface Entry extends AccountFacts {
  /** Under which of its name's two hashes it is: 0 the current one, 1 the older one. */
  readonly under: 0 | 1;
  readonly epoch: number;
  readonly move: Omit<Move, 'sinceMs'> | undefined;
}

/** Where a gateway would send a create of each account; undefined: it refuses. */
export interface View {
  readonly epoch: number;
  readonly creates: readonly (string | undefined)[];
}

export interface Gateway {
  /** Undefined: it has no lease. */
  seen: number | undefined;
  /** The epoch of its last news. */
  since: number | undefined;
  /** By one of these each request under way at it was located. */
  views: View[];
}

export interface State {
  epoch: number;
  readonly entries: (Entry | undefined)[];
  readonly drained: Set<string>;
  readonly log: { epoch: number; what: ChangeKind }[];
  readonly gateways: Gateway[];
  /** Accounts whose region has changed without a move: nobody was frozen then. */
  readonly jumped: Set<number>;
}

export interface Facts {
  readonly region: string;
  readonly pinned: boolean;
  readonly also: readonly string[];
}

export function newState(accounts: number, gateways: number): State {
  return {
    epoch: 1,
    entries: Array.from({ length: accounts }, () => undefined),
    drained: new Set(),
    log: [],
    gateways: Array.from({ length: gateways }, () => ({ seen: undefined, since: undefined, views: [] })),
    jumped: new Set(),
  };
}

function raise(state: State, what: ChangeKind): number {
  state.epoch++;
  state.log.push({ epoch: state.epoch, what });
  return state.epoch;
}

/** What a row would do to an entry; it comes to lie under the current hash, unless the older one is given. */
function judge(known: Entry | undefined, facts: Facts, under: 0 | 1): PutResult {
  if (known === undefined) return 'added';
  if (known.move !== undefined) return 'moving';
  if (known.region !== facts.region) return 'region';
  const same = known.under === under && known.pinned === facts.pinned && `${known.also}` === `${facts.also}`;
  return same ? 'same' : 'changed';
}

export function put(state: State, at: number, facts: Facts, under: 0 | 1, overwrite: boolean): PutResult {
  const judged = judge(state.entries[at], facts, under);
  if (judged === 'same' || judged === 'moving' || (judged === 'region' && !overwrite)) return judged;
  if (judged === 'region') state.jumped.add(at);
  const result = judged === 'region' ? 'changed' : judged;
  const epoch = raise(state, result === 'added' ? 'account_added' : 'account_changed');
  state.entries[at] = { ...facts, under, epoch, move: undefined };
  return result;
}

export function remove(state: State, at: number): 'removed' | 'missing' | 'moving' {
  const known = state.entries[at];
  if (known === undefined) return 'missing';
  if (known.move !== undefined) return 'moving';
  state.entries[at] = undefined;
  state.jumped.add(at);
  raise(state, 'account_removed');
  return 'removed';
}

/** Rows are of different accounts, in the order of their lines. */
export function importAll(
  state: State,
  rows: readonly { readonly at: number; readonly facts: Facts }[],
  overwrite: boolean,
): { written: boolean; summary: ImportSummary } {
  const judged = rows.map(({ at, facts }, index) => ({
    at,
    facts,
    line: index + 1,
    is: judge(state.entries[at], facts, 0),
  }));
  const count = (...kinds: PutResult[]): number => judged.filter(({ is }) => kinds.includes(is)).length;
  const conflicts = judged.flatMap(({ line, is }) => (is === 'region' || is === 'moving' ? [{ line, why: is }] : []));
  const summary = {
    added: count('added'),
    changed: count('changed', 'region'),
    same: count('same'),
    regionChanged: count('region'),
    moving: count('moving'),
    conflicts,
  };
  if (summary.moving > 0 || (summary.regionChanged > 0 && !overwrite)) return { written: false, summary };
  if (summary.added + summary.changed > 0) {
    const epoch = raise(state, 'accounts_imported');
    for (const { at, facts, is } of judged) {
      if (is === 'same') continue;
      if (is === 'region') state.jumped.add(at);
      state.entries[at] = { ...facts, under: 0, epoch, move: undefined };
    }
  }
  return { written: true, summary };
}

/** @param otherwise what a rule says of it */
export function begin(state: State, at: number, to: string, keepOld: boolean, otherwise: Facts | undefined) {
  const known = state.entries[at] ?? (otherwise && { ...otherwise, under: 0, epoch: 0, move: undefined });
  if (known === undefined) return 'missing';
  if (known.move !== undefined) return known.move.to === to && known.move.keepOld === keepOld ? 'joined' : 'other';
  if (known.region === to) return 'there';
  const epoch = raise(state, 'move_begun');
  state.entries[at] = { ...known, epoch, move: { from: known.region, to, phase: 'frozen', keepOld } };
  return 'begun';
}

export function advance(state: State, at: number): 'none' | 'waiting' | 'cutover' | 'finished' {
  const known = state.entries[at];
  if (known?.move === undefined) return 'none';
  if (state.gateways.some(({ seen }) => seen !== undefined && seen < known.epoch)) return 'waiting';
  const { from, to, phase, keepOld } = known.move;
  if (phase === 'cutover') {
    state.entries[at] = { ...known, epoch: raise(state, 'move_finished'), move: undefined };
    return 'finished';
  }
  const also = [...known.also.filter((region) => region !== to), ...(keepOld ? [from] : [])].sort();
  const epoch = raise(state, 'move_cut_over');
  state.entries[at] = { ...known, region: to, also, epoch, move: { ...known.move, phase: 'cutover' } };
  return 'cutover';
}

export function abort(state: State, at: number): 'none' | 'too_late' | 'aborted' {
  const known = state.entries[at];
  if (known?.move === undefined) return 'none';
  if (known.move.phase === 'cutover') return 'too_late';
  state.entries[at] = { ...known, epoch: raise(state, 'move_aborted'), move: undefined };
  return 'aborted';
}

export function drain(state: State, region: string, drained: boolean): boolean {
  if (state.drained.has(region) === drained) return false;
  if (drained) state.drained.add(region);
  else state.drained.delete(region);
  raise(state, drained ? 'region_drained' : 'region_undrained');
  return true;
}

/** @param answered whether every request has been answered that was located before the last news */
export function follow(state: State, which: number, answered: boolean): void {
  const gateway = state.gateways[which];
  if (gateway === undefined) return;
  const { since } = gateway;
  gateway.seen = since === undefined ? 0 : answered || gateway.seen === undefined ? since : gateway.seen;
  const { seen } = gateway;
  gateway.views = gateway.views.filter(({ epoch }) => epoch >= seen);
  const creates = state.entries.map((entry) => (entry?.move === undefined ? entry?.region : undefined));
  gateway.views.push({ epoch: state.epoch, creates });
  gateway.since = state.epoch;
}

/** Its lease is over: it has stopped to locate by what it knew, and every such request is over. */
export function lapse(gateway: Gateway): void {
  gateway.seen = undefined;
  gateway.views = [];
}

/** The promise itself: never would two requests under way create for one account in two regions. */
export function splits(state: State): number[] {
  return [...state.entries.keys()].filter((at) => {
    if (state.jumped.has(at)) return false;
    const views = state.gateways.flatMap((gateway) => gateway.views);
    return new Set(views.flatMap(({ creates }) => creates[at] ?? [])).size > 1;
  });
}
