// The small parts that every view is made of.
import { type Child, freshId, h, setAttribute, setText } from './dom.ts';
import { ago, moment } from './format.ts';
import { type Icon, icon } from './icons.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'quiet' | 'info';

/** A state in one word, with a sign and a colour that say the same. */
export function createPill(): { readonly element: HTMLElement; set(tone: Tone, says: string): void } {
  const word = h('span');
  const element = h('span', { class: 'pill' }, word);
  let shown: Tone | undefined;
  return {
    element,
    set(tone, says) {
      if (tone !== shown) {
        element.className = `pill pill-${tone}`;
        element.replaceChildren(icon(tone), word);
        shown = tone;
      }
      setText(word, says);
    },
  };
}

export function pill(tone: Tone, says: string): HTMLElement {
  const made = createPill();
  made.set(tone, says);
  return made.element;
}

/** How much of a whole is used. */
export function createMeter(label: string): { readonly element: HTMLElement; set(share: number, says: string): void } {
  const bar = h('span', { class: 'meter-bar' });
  const element = h(
    'span',
    { class: 'meter', role: 'meter', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100 },
    bar,
  );
  return {
    element,
    set(share, says) {
      const value = Math.round(Math.min(1, Math.max(0, share)) * 100);
      bar.style.width = `${value}%`;
      setAttribute(element, 'data-high', value >= 80);
      setAttribute(element, 'aria-valuenow', value);
      setAttribute(element, 'aria-valuetext', says);
    },
  };
}

export interface ButtonOptions {
  readonly look?: 'plain' | 'primary' | 'danger' | 'quiet';
  readonly icon?: Icon;
  /** For screen readers, where the words alone do not say of what. */
  readonly label?: string;
}

export function button(
  says: string,
  act: () => void,
  { look = 'plain', label, ...rest }: ButtonOptions = {},
): HTMLButtonElement {
  const element = h(
    'button',
    { type: 'button', class: `button button-${look}`, 'aria-label': label },
    rest.icon !== undefined && icon(rest.icon),
    says,
  );
  element.addEventListener('click', act);
  return element;
}

/** Term and value, in a list of facts. */
export function fact(term: string, ...value: Child[]): HTMLElement {
  return h('div', { class: 'fact' }, h('dt', {}, term), h('dd', {}, ...value));
}

/** A fact that changes: the value is written anew in place. */
export function createFact(term: string): { readonly element: HTMLElement; set(text: string): void } {
  const value = h('dd');
  return { element: h('div', { class: 'fact' }, h('dt', {}, term), value), set: (text) => setText(value, text) };
}

/** How long ago, and when exactly. */
export function createTime(): { readonly element: HTMLElement; set(iso: string, nowMs: number): void } {
  const relative = h('span');
  const absolute = h('span', { class: 'absolute' });
  const element = h('time', {}, relative, ' ', absolute);
  return {
    element,
    set(iso, nowMs) {
      setText(relative, ago(iso, nowMs));
      setText(absolute, moment(iso));
      setAttribute(element, 'datetime', iso);
    },
  };
}

/** For what is not brought up to date by the second. */
export function timeOf(iso: string, nowMs: number): HTMLElement {
  const made = createTime();
  made.set(iso, nowMs);
  return made.element;
}

/** A heading with what belongs to it, as a landmark of its own. */
export function section(title: string, { note, actions = [] }: SectionOptions, ...children: Child[]): HTMLElement {
  const id = freshId('section');
  return h(
    'section',
    { class: 'section', 'aria-labelledby': id },
    h(
      'div',
      { class: 'section-head' },
      h('h2', { id }, title),
      note !== undefined && h('p', { class: 'note' }, note),
      actions.length > 0 && h('div', { class: 'actions' }, ...actions),
    ),
    ...children,
  );
}

export interface SectionOptions {
  readonly note?: string;
  readonly actions?: readonly HTMLElement[];
}

/** What stands where there is nothing to show. */
export function empty(says: string, ...more: Child[]): HTMLElement {
  return h('div', { class: 'empty' }, h('p', {}, says), ...more);
}

/** One of a few, as a group of radio buttons that looks like a switch. */
export function createChoice<V extends string>(
  label: string,
  options: readonly { readonly value: V; readonly says: string }[],
  chosen: V,
  act: (value: V) => void,
): { readonly element: HTMLElement; set(value: V): void } {
  const name = freshId('choice');
  const inputs = options.map(({ value }) => h('input', { type: 'radio', name, value, checked: value === chosen }));
  inputs.forEach((input, at) => {
    input.addEventListener('change', () => {
      const option = options[at];
      if (input.checked && option !== undefined) act(option.value);
    });
  });
  const labels = options.map(({ says }, at) => h('label', {}, inputs[at], h('span', {}, says)));
  return {
    element: h('fieldset', { class: 'choice' }, h('legend', { class: 'away' }, label), ...labels),
    set(value) {
      inputs.forEach((input, at) => {
        input.checked = options[at]?.value === value;
      });
    },
  };
}
