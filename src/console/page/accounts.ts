// Accounts and moves: look one up, add, change, remove, move; what is under way, and what was changed last.
import { openPut } from './account-dialogs.ts';
import { createAccountList } from './account-list.ts';
import { createSearch } from './account-search.ts';
import type { Account } from './admin.ts';
import { h } from './dom.ts';
import { createEvents } from './events.ts';
import { createMoves } from './moves.ts';
import type { CreateView } from './page.ts';
import { button, section } from './parts.ts';

export const createAccountsView: CreateView = (page, argument) => {
  const list = createAccountList(page);
  const events = createEvents(page);
  const moves = createMoves(page, refresh);
  const search = createSearch(page, changed);

  function refresh(): void {
    list.refresh();
    events.refresh();
    search.refresh();
  }
  function changed(account: Account | undefined): void {
    if (account !== undefined) moves.begun(account);
    list.refresh();
    events.refresh();
  }

  if (argument !== undefined) search.show(argument);
  const add = button('Add an account', () => openPut(page, {}, changed), { look: 'primary' });
  const again = button('Refresh', refresh, { look: 'quiet', label: 'Refresh the entries' });
  return {
    title: 'Accounts and moves',
    element: h(
      'div',
      {},
      section('Look up an account', {}, search.element),
      section('Moves', {}, moves.element),
      section(
        'Directory',
        { note: 'By keyed hash: the directory holds no names.', actions: [again, add] },
        list.element,
      ),
      section('Latest changes', {}, events.element),
    ),
    update(live) {
      moves.update(live);
      events.tick();
    },
  };
};
