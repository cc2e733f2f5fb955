// The small parts that every view is made of.
import { type Child, createList, freshId, h, setAttribute, setText } from './dom.ts';
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

export interface Column<T> {
  readonly head: string;
  readonly numeric?: boolean;
  /** Text or nodes of a row's cell, made anew when the row changes. */
  readonly cell: (row: T) => Child;
}

export interface TableOptions<T> {
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly keyOf: (row: T) => string;
  /** Says it in place of the table. */
  readonly empty: string;
}

/**
 * A table that is brought up to date in place. At phone width its rows become cards, which takes a table's meaning away
 * from screen readers; so the roles are written out.
 */
export function createTable<T>({ caption, columns, keyOf, empty: nothing }: TableOptions<T>): {
  readonly element: HTMLElement;
  set(rows: readonly T[]): void;
} {
  const body = h('tbody', { role: 'rowgroup' });
  const head = columns.map(({ head: name, numeric }) =>
    h('th', { scope: 'col', role: 'columnheader', class: numeric === true && 'numeric' }, name),
  );
  const table = h(
    'table',
    { role: 'table' },
    h('caption', { class: 'away' }, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...head)),
    body,
  );
  const none = h('p', { class: 'empty' }, nothing);
  const list = createList<T>(body, keyOf, () => {
    const cells = columns.map(({ head: name, numeric }) =>
      h('td', { role: 'cell', 'data-head': name, class: numeric === true && 'numeric' }),
    );
    return {
      element: h('tr', { role: 'row' }, ...cells),
      update(row) {
        columns.forEach(({ cell }, at) => {
          const into = cells[at];
          if (into !== undefined) write(into, cell(row));
        });
      },
    };
  });
  return {
    element: h('div', { class: 'table' }, table, none),
    set(rows) {
      list(rows);
      table.hidden = rows.length === 0;
      none.hidden = rows.length > 0;
    },
  };
}

/** Text is written in place; nodes replace what was there, unless they say the same. */
function write(cell: HTMLElement, content: Child): void {
  if (!(content instanceof Node))
    setText(cell, content === null || content === undefined || content === false ? '' : String(content));
  else if (cell.firstChild === null || !content.isEqualNode(cell.firstChild)) cell.replaceChildren(content);
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
