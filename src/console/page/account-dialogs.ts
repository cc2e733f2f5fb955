// What may be done with an account, as dialogs: add or change, move, remove.
import type { Account, Standing } from './admin.ts';
import { openDialog } from './dialog.ts';
import { h } from './dom.ts';
import { type Field, selectField, textField, tick, tickField } from './field.ts';
import { listing } from './format.ts';
import { type Page, tokenNote } from './page.ts';
import { ApiProblem } from './problem.ts';

/** What a dialog starts from; all of it may be unknown. */
export interface About {
  readonly name?: string | undefined;
  readonly entry?: Account | undefined;
}

type Done = (account: Account | undefined) => void;

const regionsOf = ({ live }: Page): string[] => live.state?.regions.map(({ name }) => name) ?? [];
const asOptions = (names: readonly string[]) => names.map((value) => ({ value, says: value }));

function nameField(name: string | undefined): Field<HTMLInputElement> {
  return textField({
    label: 'Account name',
    value: name,
    hint: 'As in its credentials. It is hashed, and kept nowhere.',
  });
}

/** Said here, before anything is sent: the API's sentence would come to the same. */
function required(field: Field<HTMLInputElement>, says: string): string {
  const value = field.input.value.trim();
  if (value !== '') return value;
  field.blame(says);
  throw new ApiProblem(0, { error: 'input_missing', message: says });
}

export function openPut(page: Page, { name, entry }: About, done: Done): void {
  const regions = regionsOf(page);
  const account = nameField(name);
  const region = selectField({ label: 'Region', options: asOptions(regions), value: entry?.region });
  const pinned = tick('Pinned', entry?.pinned ?? true, 'A pinned account reaches no region but its own.');
  const also = tickField('Also in', regions, entry?.also ?? []);
  const overwrite = tick(
    'Write it all the same',
    false,
    'The directory knows this account in another region. Requests under way may still reach the old one. A move is safer.',
  );
  overwrite.element.hidden = true;
  openDialog({
    title: entry === undefined ? 'Add an account' : 'Change an account',
    says: tokenNote(page),
    fields: [account.element, region.element, pinned.element, also.element, overwrite.element],
    submit: entry === undefined ? 'Add' : 'Change',
    askToken: page.askToken,
    act: async () => {
      const answer = await page.admin.put({
        account: required(account, 'Type the name of the account.'),
        region: region.input.value,
        pinned: pinned.input.checked,
        also: also.chosen().filter((other) => other !== region.input.value),
        ...(overwrite.input.checked ? { overwrite: true } : {}),
      });
      page.announce(`The account is ${answer.result === 'same' ? 'as it was' : answer.result}.`);
      done(answer.account);
    },
    blame: ({ code, message }) => {
      if (code === 'lives_elsewhere') overwrite.element.hidden = false;
      if (code === 'unknown_region') region.blame(message);
      if (code === 'malformed') account.blame(message);
    },
  });
}

export function openMove(page: Page, { name, entry }: About, done: Done): void {
  const elsewhere = regionsOf(page).filter((region) => region !== entry?.region);
  const account = nameField(name);
  const to = selectField({ label: 'To', options: asOptions(elsewhere) });
  const old = entry?.region ?? 'the old region';
  const keep = selectField({
    label: 'What was made before',
    options: [
      { value: 'keep', says: `stays reachable: ${old} remains among its other regions` },
      { value: 'drop', says: `is out of reach: ${old} is dropped` },
    ],
    hint: 'The gateway moves where calls go. Secrets that were made before stay where they are.',
  });
  openDialog({
    title: entry === undefined ? 'Move an account' : `Move an account out of ${entry.region}`,
    says: [
      'Creates are refused for the seconds that the move takes. It can be aborted until cutover.',
      ...tokenNote(page),
    ],
    fields: [account.element, to.element, keep.element],
    submit: 'Begin the move',
    askToken: page.askToken,
    act: async () => {
      const answer = await page.admin.move({
        account: required(account, 'Type the name of the account.'),
        to: to.input.value,
        keep_old: keep.input.value === 'keep',
      });
      page.announce(answer.begun ? 'The move has begun.' : 'This very move was under way already.');
      done(answer.account);
    },
    blame: ({ code, message }) => {
      if (code === 'unknown_region') to.blame(message);
      if (code === 'malformed') account.blame(message);
    },
  });
}

/** Has to be typed before an entry is removed: the name, or the first digits of the id where no name is known here. */
const TYPED_DIGITS = 8;

export function openRemove(page: Page, id: string, name: string | undefined, done: Done): void {
  const wanted = name ?? id.slice(0, TYPED_DIGITS);
  const typed = textField({
    label: name === undefined ? `Type the first ${TYPED_DIGITS} digits of its id` : 'Type its name',
    mono: true,
  });
  openDialog({
    title: 'Remove this account?',
    says: [
      h('p', { class: 'note' }, 'To be removed: ', h('code', {}, name ?? id)),
      'Its entry goes; what the source or the rules say of it is in force then, and if they say nothing, it is unknown.',
      ...tokenNote(page),
    ],
    fields: [typed.element],
    submit: 'Remove',
    look: 'danger',
    askToken: page.askToken,
    act: async () => {
      if (typed.input.value.trim() !== wanted) {
        typed.blame('That is not it. Nothing was removed.');
        throw new ApiProblem(0, { error: 'not_confirmed', message: 'What was typed is not what is to be removed.' });
      }
      await page.admin.remove(id);
      page.announce('The account is removed.');
      done(undefined);
    },
  });
}

/** What is in force for an account, as a sentence. */
export function standingText({ by, locality }: Standing): string {
  const places = { directory: 'The directory', source: 'Your own directory', rules: 'A rule of the configuration' };
  if (by === 'unknown') return 'Nobody knows this account: accounts.unknown decides on its requests.';
  if (locality === null) return `${places[by]} names a region that is not configured: its requests are refused.`;
  const also = locality.also.length === 0 ? '' : ` It may also name ${listing(locality.also)}.`;
  return `${places[by]} says that it lives in ${locality.home}, ${locality.pinned ? 'pinned' : 'not pinned'}.${also}`;
}
