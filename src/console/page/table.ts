// Tables that are brought up to date in place, and become cards on a phone.
import { type Child, createList, h, setText } from './dom.ts';

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
