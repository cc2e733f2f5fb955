// Fields of forms: label, hint and what is wrong with it, tied together for screen readers.
import { freshId, h, setAttribute, setText } from './dom.ts';

export interface Field<I extends HTMLElement> {
  readonly element: HTMLElement;
  readonly input: I;
  /** Undefined: nothing is wrong. */
  blame(says: string | undefined): void;
}

interface FieldOptions {
  readonly label: string;
  readonly hint?: string | undefined;
}

function wrap<I extends HTMLElement>({ label, hint }: FieldOptions, input: I): Field<I> {
  const id = freshId('field');
  const wrong = h('p', { class: 'wrong', id: `${id}-wrong` });
  wrong.hidden = true;
  setAttribute(input, 'id', id);
  setAttribute(input, 'aria-describedby', hint === undefined ? `${id}-wrong` : `${id}-hint ${id}-wrong`);
  const element = h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    input,
    hint !== undefined && h('p', { class: 'hint', id: `${id}-hint` }, hint),
    wrong,
  );
  return {
    element,
    input,
    blame(says) {
      setAttribute(input, 'aria-invalid', says === undefined ? undefined : 'true');
      setText(wrong, says ?? '');
      wrong.hidden = says === undefined;
      if (says !== undefined) input.focus();
    },
  };
}

export interface TextOptions extends FieldOptions {
  readonly value?: string | undefined;
  readonly type?: 'text' | 'password' | 'search';
  readonly placeholder?: string;
  readonly mono?: boolean;
}

export function textField({
  value = '',
  type = 'text',
  placeholder,
  mono,
  ...rest
}: TextOptions): Field<HTMLInputElement> {
  const input = h('input', {
    type,
    placeholder,
    class: mono === true && 'mono',
    autocomplete: 'off',
    autocapitalize: 'none',
    spellcheck: 'false',
  });
  input.value = value;
  const field = wrap(rest, input);
  input.addEventListener('input', () => {
    if (input.getAttribute('aria-invalid') === 'true') field.blame(undefined);
  });
  return field;
}

export interface SelectOptions extends FieldOptions {
  readonly options: readonly { readonly value: string; readonly says: string }[];
  readonly value?: string | undefined;
}

export function selectField({ options, value, ...rest }: SelectOptions): Field<HTMLSelectElement> {
  const input = h('select', {}, ...options.map((option) => h('option', { value: option.value }, option.says)));
  if (value !== undefined) input.value = value;
  return wrap(rest, input);
}

/** Some of several, each with a box to tick. */
export function tickField(
  label: string,
  options: readonly string[],
  ticked: readonly string[],
): { readonly element: HTMLElement; readonly chosen: () => string[] } {
  const boxes = options.map((value) => h('input', { type: 'checkbox', value, checked: ticked.includes(value) }));
  return {
    element: h(
      'fieldset',
      { class: 'field' },
      h('legend', {}, label),
      h('div', { class: 'ticks' }, ...boxes.map((box, at) => h('label', { class: 'tick' }, box, options[at]))),
    ),
    chosen: () => boxes.filter((box) => box.checked).map((box) => box.value),
  };
}

export function tick(
  label: string,
  ticked: boolean,
  hint?: string,
): { readonly element: HTMLElement; readonly input: HTMLInputElement } {
  const id = freshId('tick');
  const input = h('input', {
    type: 'checkbox',
    checked: ticked,
    'aria-describedby': hint === undefined ? undefined : id,
  });
  return {
    element: h(
      'div',
      { class: 'field' },
      h('label', { class: 'tick' }, input, label),
      hint !== undefined && h('p', { class: 'hint', id }, hint),
    ),
    input,
  };
}
