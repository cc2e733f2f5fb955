// "Why?": what would be decided on a request, drawn as its journey. Nothing is sent, and nothing of it stands in an address.
import type { Explained, Question } from './admin.ts';
import { h, replace } from './dom.ts';
import { selectField, textField } from './field.ts';
import { icon } from './icons.ts';
import { type Station, type StationState, stationsOf, verdictOf } from './journey.ts';
import { type CreateView, type Page, problemBox } from './page.ts';
import { fact, pill, section, type Tone } from './parts.ts';

const METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE'];

export const createWhy: CreateView = (page) => {
  const fields = fieldsOf(page);
  const problems = problemBox(page);
  const result = h('div', { class: 'explained', 'aria-live': 'polite' });
  const form = h(
    'form',
    { class: 'form why', novalidate: true },
    ...Object.values(fields).map(({ element }) => element),
    h('div', { class: 'actions' }, h('button', { type: 'submit', class: 'button button-primary' }, 'Explain')),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    problems.clear();
    const question = questionOf(fields);
    if (question === undefined) return fields.path.blame('Type a path that begins with /, for example /api/v1/share.');
    page.admin
      .explain(question)
      .then((explained) => replace(result, drawing(explained, question)))
      .catch((error: unknown) => {
        replace(result);
        problems.show(error);
      });
  });
  return {
    title: 'Why?',
    element: h(
      'div',
      {},
      section(
        'A request',
        {
          note: 'The same function decides here that decides on callers. Nothing is sent, and nothing of this is logged.',
        },
        form,
        problems.element,
      ),
      result,
    ),
    update: () => {},
  };
};

function fieldsOf({ live }: Page) {
  const regions = live.state?.regions.map(({ name }) => name) ?? [];
  return {
    method: selectField({ label: 'Method', options: METHODS.map((value) => ({ value, says: value })) }),
    path: textField({
      label: 'Path',
      placeholder: '/api/v1/private/recent',
      mono: true,
      hint: 'With a region before it, if the caller writes one.',
    }),
    user: textField({ label: 'Account name', hint: 'Empty: without credentials.' }),
    region: textField({
      label: 'Onetime-Region header',
      hint: regions.length === 0 ? undefined : `Empty, or one of: ${regions.join(', ')}.`,
    }),
    host: textField({ label: 'Host header', hint: 'Empty, or a name that the caller uses.' }),
  };
}

function questionOf({ method, path, user, region, host }: ReturnType<typeof fieldsOf>): Question | undefined {
  const typed = path.input.value.trim();
  if (!typed.startsWith('/')) return undefined;
  const given = (value: string): string | undefined => (value.trim() === '' ? undefined : value.trim());
  return {
    method: method.input.value,
    path: typed,
    user: given(user.input.value),
    region: given(region.input.value),
    host: given(host.input.value),
  };
}

const SIGNS: Readonly<Record<StationState, readonly ['good' | 'bad' | 'quiet', string]>> = {
  passed: ['good', 'passed'],
  stopped: ['bad', 'ends here'],
  not_asked: ['quiet', 'not asked'],
  not_reached: ['quiet', 'not reached'],
};

function drawing(explained: Explained, question: Question): HTMLElement {
  const { decision, refusal, region, credentials, verify_at } = explained;
  const tone: Tone = refusal !== null ? 'bad' : decision === 'permit' ? 'good' : 'info';
  const word =
    refusal !== null
      ? 'Refused'
      : decision === 'permit'
        ? 'Permitted'
        : decision === 'concealed'
          ? 'Concealed'
          : 'Answered here';
  const ticket =
    decision === 'permit' &&
    h(
      'dl',
      { class: 'facts ticket', 'aria-label': 'The permit' },
      fact('Permit for', region),
      fact('Credentials', credentials),
      fact('Verified at', verify_at ?? 'nowhere'),
      fact('Reason', h('code', {}, explained.reason)),
    );
  return section(
    'The journey',
    {},
    h('p', { class: 'asked' }, h('code', {}, `${question.method} ${question.path}`)),
    h('p', { class: 'verdict' }, pill(tone, word), h('span', {}, verdictOf(explained))),
    refusal !== null &&
      h('div', {}, h('p', {}, refusal.message), refusal.hint !== null && h('p', { class: 'hint' }, refusal.hint)),
    ticket,
    h('ol', { class: 'journey' }, ...stationsOf(explained, question).map(stationItem)),
  );
}

function stationItem({ name, state, says }: Station): HTMLElement {
  const [sign, word] = SIGNS[state];
  return h(
    'li',
    { class: `station station-${state}` },
    h('span', { class: 'station-sign' }, icon(sign)),
    h(
      'div',
      {},
      h('h3', {}, name, h('span', { class: 'station-state' }, word)),
      ...says.map((line) => h('p', {}, line)),
    ),
  );
}
