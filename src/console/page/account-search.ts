// One account, looked up by its name or its id: what is in force, and what may be done with it.
import { type About, openMove, openPut, openRemove, standingText } from './account-dialogs.ts';
import type { Account, Standing } from './admin.ts';
import { h, replace } from './dom.ts';
import { textField } from './field.ts';
import { listing } from './format.ts';
import { type Page, problemBox } from './page.ts';
import { button, fact, pill } from './parts.ts';
import { problemOf } from './problem.ts';

const ID = /^[0-9a-f]{32}$/;

export interface Search {
  readonly element: HTMLElement;
  /** Looks an entry up by its id. */
  show(id: string): void;
  /** Looks up again what is shown. */
  refresh(): void;
}

type Found = {
  readonly name: string | undefined;
  readonly id: string;
  readonly standing?: Standing;
  readonly entry?: Account;
};

/** @param changed called with the entry as it is now */
export function createSearch(page: Page, changed: (account: Account | undefined) => void): Search {
  const field = textField({
    label: 'Account name or id',
    type: 'search',
    hint: 'A name is sent in the body of the question, hashed, and kept nowhere.',
  });
  const problems = problemBox(page);
  const result = h('div', { class: 'found', 'aria-live': 'polite' });
  const form = h(
    'form',
    { class: 'search', role: 'search', novalidate: true },
    field.element,
    h('button', { type: 'submit', class: 'button button-primary' }, 'Look up'),
  );
  let asked = '';

  async function find(what: string): Promise<Found> {
    if (ID.test(what)) return { name: undefined, id: what, entry: await page.admin.account(what) };
    const standing = await page.admin.lookup(what);
    return { name: what, id: standing.id, standing, ...(standing.entry === null ? {} : { entry: standing.entry }) };
  }

  /** Who stood on the card that was there stands on the one that takes its place. */
  function show(card: HTMLElement): void {
    const stood = result.contains(document.activeElement);
    replace(result, card);
    if (stood) card.querySelector('button')?.focus();
  }

  function look(what: string): void {
    asked = what;
    problems.clear();
    find(what)
      .then((found) => asked === what && show(cardOf(page, found, refresh)))
      .catch((error: unknown) => {
        replace(result);
        if (problemOf(error).code === 'not_found') {
          replace(result, h('p', { class: 'empty' }, 'The directory has no entry of this id.'));
        } else problems.show(error);
      });
  }
  function refresh(account?: Account): void {
    if (asked !== '') look(asked);
    changed(account);
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const what = field.input.value.trim();
    if (what === '') field.blame('Type a name, or the 32 digits of an id.');
    else look(what);
  });
  return {
    element: h('div', {}, form, problems.element, result),
    show(id) {
      field.input.value = id;
      look(id);
    },
    refresh: () => asked !== '' && look(asked),
  };
}

function cardOf(
  page: Page,
  { name, id, standing, entry }: Found,
  done: (account: Account | undefined) => void,
): HTMLElement {
  const about: About = { name, entry };
  return h(
    'article',
    { class: 'card', 'aria-label': 'The account that was looked up' },
    h(
      'header',
      {},
      h('h3', { class: 'name' }, name ?? 'Account'),
      entry === undefined ? pill('quiet', 'No entry') : pill('info', 'In the directory'),
    ),
    standing !== undefined && h('p', {}, standingText(standing)),
    standing?.locality?.moving === true &&
      h('p', {}, pill('warn', 'It is being moved: it creates nothing until that is done.')),
    h(
      'dl',
      { class: 'facts' },
      fact('Id', h('code', { class: 'id' }, id)),
      ...(entry === undefined
        ? []
        : [
            fact('Region', entry.region),
            fact('Pinned', entry.pinned ? 'yes' : 'no'),
            fact('Also', entry.also.length === 0 ? 'nowhere' : listing(entry.also)),
            fact('Written at epoch', String(entry.epoch)),
          ]),
    ),
    h(
      'footer',
      { class: 'actions' },
      button(entry === undefined ? 'Add to the directory' : 'Change', () => openPut(page, about, done)),
      button('Move', () => openMove(page, about, done)),
      entry !== undefined && button('Remove', () => openRemove(page, id, name, done), { look: 'danger' }),
    ),
  );
}
