// The entries of the directory, page by page. The API gives the way forward only, so the way back is remembered here.
import type { Account } from './admin.ts';
import { h, setText } from './dom.ts';
import { listing, NOTHING } from './format.ts';
import { type Page, problemBox } from './page.ts';
import { button } from './parts.ts';
import { createTable } from './table.ts';

export interface AccountList {
  readonly element: HTMLElement;
  /** Reads the page that is shown once more. */
  refresh(): void;
}

export function createAccountList(page: Page): AccountList {
  const table = createTable<Account>({
    caption: 'Entries of the directory',
    keyOf: ({ id }) => id,
    empty: 'The directory has no entries.',
    columns: [
      { head: 'Id', cell: ({ id }) => h('a', { href: `#/accounts/${id}` }, h('code', { class: 'id' }, id)) },
      { head: 'Region', cell: ({ region }) => region },
      { head: 'Pinned', cell: ({ pinned }) => (pinned ? 'yes' : 'no') },
      { head: 'Also', cell: ({ also }) => (also.length === 0 ? NOTHING : listing(also)) },
      { head: 'Move', cell: ({ move }) => (move === null ? NOTHING : `${move.phase}, to ${move.to}`) },
      { head: 'Epoch', numeric: true, cell: ({ epoch }) => epoch },
    ],
  });
  const problems = problemBox(page);
  /** Where the pages before this one, and this one, begin. */
  let starts: (string | undefined)[] = [undefined];
  let next: string | null = null;
  const where = h('span', { class: 'note' });
  const back = button('Previous page', () => turn(starts.slice(0, -1)));
  const forward = button('Next page', () => next !== null && turn([...starts, next]));

  function turn(to: (string | undefined)[]): void {
    page.admin
      .accounts(to.at(-1))
      .then((answer) => {
        starts = to;
        next = answer.next;
        problems.clear();
        table.set(answer.accounts);
        back.disabled = starts.length < 2;
        forward.disabled = next === null;
        setText(where, `Page ${starts.length}`);
      })
      .catch((error: unknown) => problems.show(error));
  }
  const refresh = (): void => turn(starts);
  refresh();
  return {
    element: h(
      'div',
      {},
      problems.element,
      table.element,
      h('nav', { class: 'pager', 'aria-label': 'Pages of the directory' }, back, where, forward),
    ),
    refresh,
  };
}
