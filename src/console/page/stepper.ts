// A move as steps: where it stands, and what holds there (docs/accounts.md).
import { h, replace } from './dom.ts';
import { icon } from './icons.ts';

/** `asked`: begun in this tab, and not yet heard of. `unheard`: it is over, and how cannot be told. */
export type MoveStage = 'frozen' | 'cutover' | 'finished' | 'aborted' | 'unheard';

interface Step {
  readonly name: string;
  readonly says: string;
}

function stepsOf(from: string, to: string): readonly Step[] {
  return [
    { name: 'Active', says: `The account lived in ${from}.` },
    { name: 'Frozen', says: `Nothing new is created. Everything else still goes to ${from}.` },
    { name: 'Cutover', says: `The account lives in ${to}. Nothing new is created yet.` },
    { name: 'Active', says: `The account lives in ${to}, and creates there.` },
  ];
}

const REACHED: Readonly<Record<MoveStage, number>> = { frozen: 1, cutover: 2, finished: 3, aborted: 0, unheard: 2 };

export function createStepper(
  from: string,
  to: string,
): { readonly element: HTMLElement; set(stage: MoveStage): void } {
  const steps = stepsOf(from, to);
  const element = h('ol', { class: 'stepper' });
  let shown: MoveStage | undefined;
  return {
    element,
    set(stage) {
      if (stage === shown) return;
      shown = stage;
      const reached = REACHED[stage];
      replace(element, ...steps.map((step, at) => stepItem(step, stateOf(at, reached, stage))));
    },
  };
}

type StepState = 'done' | 'current' | 'ahead';

function stateOf(at: number, reached: number, stage: MoveStage): StepState {
  if (stage === 'aborted') return at === 0 ? 'current' : 'ahead';
  if (at < reached || stage === 'finished') return 'done';
  return at === reached ? 'current' : 'ahead';
}

const WORDS: Readonly<Record<StepState, string>> = { done: 'done', current: 'now', ahead: 'not yet' };

function stepItem({ name, says }: Step, state: StepState): HTMLElement {
  const sign = state === 'done' ? icon('good') : state === 'current' ? icon('busy') : icon('quiet');
  return h(
    'li',
    { class: `step step-${state}`, 'aria-current': state === 'current' && 'step' },
    h('span', { class: 'step-sign' }, sign),
    h('span', { class: 'step-name' }, name, h('span', { class: 'away' }, ` (${WORDS[state]})`)),
    h('span', { class: 'step-says' }, says),
  );
}
