// The moves under way, each with its steps; and those that ended while this view was open, with how they ended.
import type { LiveAccount, LiveState } from '../../listener/admin-live-types.ts';
import { openDialog } from './dialog.ts';
import { createList, h, setText } from './dom.ts';
import { nowMs, type Page, tokenNote } from './page.ts';
import { button, createPill, createTime, empty, type Tone } from './parts.ts';
import type { Live } from './samples.ts';
import { createStepper, type MoveStage } from './stepper.ts';

interface Move {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly keepOld: boolean;
  readonly since: string;
  readonly stage: MoveStage;
}

export interface Moves {
  readonly element: HTMLElement;
  update(live: Live): void;
  /** A move that was just begun here: shown at once, before the next sample. */
  begun(account: LiveAccount): void;
}

const STAGES: Readonly<Record<MoveStage, readonly [Tone, string]>> = {
  frozen: ['info', 'Frozen'],
  cutover: ['info', 'Cutover'],
  finished: ['good', 'Finished'],
  aborted: ['warn', 'Aborted'],
  unheard: ['quiet', 'Over'],
};

const isOver = ({ stage }: Move): boolean => stage !== 'frozen' && stage !== 'cutover';

function moveOf({ id, move }: LiveAccount): Move | undefined {
  if (move === null) return undefined;
  const { from, to, phase, keep_old: keepOld, since } = move;
  return { id, from, to, keepOld, since, stage: phase };
}

/** @param changed called when a move has ended: entries and events are other ones now */
export function createMoves(page: Page, changed: () => void): Moves {
  const known = new Map<string, Move>();
  const cards = h('div', { class: 'stack' });
  const none = empty('No account is being moved. A move begins at an account: look it up, then choose “Move”.');
  let before: LiveState | undefined;
  const list = createList<Move>(
    cards,
    ({ id, since }) => id + since,
    (move) => createCard(page, move, () => nowMs(page.live), dismiss),
  );

  function show(): void {
    list([...known.values()].sort((a, b) => b.since.localeCompare(a.since)));
    none.hidden = known.size > 0;
  }

  function dismiss({ id }: Move): void {
    known.delete(id);
    show();
  }

  /** It is not listed any more: where the account lives now tells how it ended. */
  async function settle(move: Move): Promise<void> {
    const account = await page.admin.account(move.id).catch(() => undefined);
    // The sample was older than the move.
    if (account?.move?.since === move.since) return void known.set(move.id, move);
    const stage = account === undefined ? 'unheard' : account.region === move.to ? 'finished' : 'aborted';
    known.set(move.id, { ...move, stage });
    page.announce(`The move from ${move.from} to ${move.to} is over: ${STAGES[stage][1].toLowerCase()}.`);
    show();
    changed();
  }

  return {
    element: h('div', {}, cards, none),
    begun(account) {
      const move = moveOf(account);
      if (move !== undefined) known.set(move.id, move);
      show();
    },
    update({ state }) {
      if (state === undefined || state.moves === null || state === before) return show();
      before = state;
      const listed = new Map(state.moves.map((account) => [account.id, moveOf(account)]));
      for (const move of known.values()) {
        const unheard = !listed.has(move.id) && !isOver(move) && Date.parse(state.time) > Date.parse(move.since);
        if (!unheard) continue;
        known.set(move.id, { ...move, stage: 'unheard' });
        void settle(move);
      }
      for (const move of listed.values()) if (move !== undefined) known.set(move.id, move);
      show();
    },
  };
}

function createCard(page: Page, first: Move, now: () => number, dismiss: (move: Move) => void) {
  const state = createPill();
  const since = createTime();
  const stepper = createStepper(first.from, first.to);
  const keeps = h('span');
  const abort = button('Abort the move', () => askAbort(page, first), { look: 'danger' });
  const hide = button('Hide', () => dismiss(first), {
    look: 'quiet',
    label: `Hide the move from ${first.from} to ${first.to}`,
  });
  const element = h(
    'article',
    { class: 'card move', 'aria-label': `Move from ${first.from} to ${first.to}`, 'data-account': first.id },
    h(
      'header',
      {},
      h(
        'h3',
        {},
        first.from,
        h('span', { class: 'arrow', 'aria-hidden': 'true' }, ' → '),
        h('span', { class: 'away' }, ' to '),
        first.to,
      ),
      state.element,
    ),
    h('p', { class: 'note' }, 'Account ', h('code', { class: 'id' }, first.id), ', begun ', since.element, '. ', keeps),
    stepper.element,
    h('footer', { class: 'actions' }, abort, hide),
  );
  return {
    element,
    update(move: Move) {
      const [tone, says] = STAGES[move.stage];
      state.set(tone, says);
      since.set(move.since, now());
      stepper.set(move.stage);
      setText(keeps, move.keepOld ? `Keeps ${move.from} among its other regions.` : `Drops ${move.from}.`);
      const stood = document.activeElement === abort;
      abort.hidden = move.stage !== 'frozen';
      hide.hidden = !isOver(move);
      if (stood && isOver(move)) hide.focus();
    },
  };
}

function askAbort(page: Page, { id, from, to }: Move): void {
  openDialog({
    title: 'Abort this move?',
    says: [
      `The account goes on living in ${from}, and nothing goes to ${to}. This is possible until cutover.`,
      ...tokenNote(page),
    ],
    fields: [],
    submit: 'Abort the move',
    look: 'danger',
    askToken: page.askToken,
    act: async () => {
      await page.admin.abort(id);
      page.announce('The move is aborted.');
    },
  });
}
