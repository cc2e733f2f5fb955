// What was changed last, and by whom.
import type { StoredEvent } from './admin.ts';
import { h } from './dom.ts';
import { NOTHING } from './format.ts';
import { nowMs, type Page, problemBox } from './page.ts';
import { timeOf } from './parts.ts';
import { createTable } from './table.ts';

const WHAT: Readonly<Record<StoredEvent['what'], string>> = {
  initialised: 'The directory was made',
  renewed: 'The directory was made anew',
  account_added: 'Account added',
  account_changed: 'Account changed',
  account_removed: 'Account removed',
  accounts_imported: 'Accounts imported',
  move_begun: 'Move begun',
  move_cut_over: 'Move cut over',
  move_finished: 'Move finished',
  move_aborted: 'Move aborted',
  region_drained: 'Region taken out of service',
  region_undrained: 'Region back in service',
};

export interface Events {
  readonly element: HTMLElement;
  refresh(): void;
  /** Says anew how long ago things were. */
  tick(): void;
}

export function createEvents(page: Page): Events {
  let known: readonly StoredEvent[] = [];
  const problems = problemBox(page);
  const table = createTable<StoredEvent>({
    caption: 'The latest changes of the directory',
    keyOf: ({ epoch, what }) => `${epoch} ${what}`,
    empty: 'Nothing was changed yet.',
    columns: [
      { head: 'When', cell: ({ at }) => timeOf(at, nowMs(page.live)) },
      { head: 'What', cell: ({ what }) => WHAT[what] },
      { head: 'Detail', cell: ({ detail }) => (detail === '' ? NOTHING : detail) },
      {
        head: 'Account',
        cell: ({ account }) =>
          account === null ? NOTHING : h('a', { href: `#/accounts/${account}` }, h('code', {}, account.slice(0, 8))),
      },
      { head: 'By', cell: ({ actor }) => h('code', {}, actor) },
    ],
  });
  function refresh(): void {
    page.admin
      .events()
      .then((events) => {
        problems.clear();
        known = events;
        table.set(known);
      })
      .catch((error: unknown) => problems.show(error));
  }
  refresh();
  return { element: h('div', {}, problems.element, table.element), refresh, tick: () => table.set(known) };
}
