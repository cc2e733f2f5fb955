// Dialogs: the browser's own <dialog>, which keeps the focus inside, closes on Escape and gives the focus back.
import { type Child, freshId, h, setAttribute } from './dom.ts';
import { button } from './parts.ts';
import { createProblemBox, type ProblemBox } from './problem-box.ts';

export interface DialogOptions {
  readonly title: string;
  readonly says?: readonly Child[];
  readonly fields: readonly HTMLElement[];
  /** The words on the button that does it. */
  readonly submit: string;
  readonly look?: 'primary' | 'danger';
  readonly askToken: () => void;
  /** Does it; the dialog closes when it is done, and shows what went wrong when it fails. */
  readonly act: (problems: ProblemBox) => Promise<void>;
  /** Shows a problem at the field that it is about. */
  readonly blame?: (problem: ReturnType<ProblemBox['show']>) => void;
}

/** Opens at once; it is gone from the page when it is closed. */
export function openDialog({
  title,
  says = [],
  fields,
  submit,
  look = 'primary',
  askToken,
  act,
  blame,
}: DialogOptions): HTMLDialogElement {
  const id = freshId('dialog');
  const problems = createProblemBox(askToken);
  const go = h('button', { type: 'submit', class: `button button-${look}` }, submit);
  const form = h(
    'form',
    { class: 'form', novalidate: true, autocomplete: 'off' },
    h('h2', { id }, title),
    ...says.map((child) => (typeof child === 'string' ? h('p', { class: 'note' }, child) : child)),
    ...fields,
    problems.element,
    h(
      'div',
      { class: 'actions actions-end' },
      button('Cancel', () => element.close()),
      go,
    ),
  );
  const element = h('dialog', { 'aria-labelledby': id }, form);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (go.getAttribute('aria-disabled') === 'true') return;
    problems.clear();
    setAttribute(go, 'aria-disabled', 'true');
    act(problems)
      .then(() => element.close())
      .catch((error: unknown) => {
        const problem = problems.show(error);
        blame?.(problem);
      })
      .finally(() => setAttribute(go, 'aria-disabled', undefined));
  });
  element.addEventListener('close', () => element.remove());
  document.body.append(element);
  element.showModal();
  return element;
}
