// The token of this tab: typed into a dialog, kept in the tab's session storage at most, sent to the admin API only.
import { freshId, h } from './dom.ts';
import { textField } from './field.ts';
import { button } from './parts.ts';

const KEY = 'onetime-gateway.token';

export interface TokenDesk {
  current(): string | undefined;
  /** Opens the dialog. */
  ask(): void;
}

/** What the browser is told not to keep may not be kept: then the token lives as long as the page. */
function stored(): string | undefined {
  try {
    return sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
}

function store(token: string | undefined): void {
  try {
    if (token === undefined) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // Kept in memory alone.
  }
}

/** @param changed called when there is another token, or none any more */
export function createTokenDesk(changed: () => void): TokenDesk {
  let token = stored();
  function use(next: string | undefined): void {
    token = next;
    store(next);
    changed();
  }
  return {
    current: () => token,
    ask: () => openTokenDialog(token !== undefined, use),
  };
}

function openTokenDialog(hasOne: boolean, use: (token: string | undefined) => void): void {
  const id = freshId('token');
  const field = textField({
    label: 'Token',
    type: 'password',
    mono: true,
    hint: 'Made with: onetime-gateway admin token --name NAME --role write',
  });
  const form = h(
    'form',
    { class: 'form', novalidate: true, autocomplete: 'off' },
    h('h2', { id }, hasOne ? 'Another token' : 'Enter a token'),
    h(
      'p',
      { class: 'note' },
      'A token with role read may look, one with role write may change. It is kept in this tab alone, until the tab is closed.',
    ),
    field.element,
    h(
      'div',
      { class: 'actions actions-end' },
      hasOne && button('Forget the token', () => finish(undefined), { look: 'quiet' }),
      button('Cancel', () => dialog.close()),
      h('button', { type: 'submit', class: 'button button-primary' }, 'Use this token'),
    ),
  );
  const dialog = h('dialog', { 'aria-labelledby': id }, form);
  function finish(token: string | undefined): void {
    dialog.close();
    use(token);
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const typed = field.input.value.trim();
    if (/^[\x21-\x7e]+$/.test(typed)) finish(typed);
    else
      field.blame(typed === '' ? 'Type or paste the token.' : 'A token has neither spaces nor letters beyond ASCII.');
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
