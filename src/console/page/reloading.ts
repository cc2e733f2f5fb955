// Reloading the configuration, and what came of it.
import type { ReloadReport, ReloadStatus } from '../../listener/admin-live-types.ts';
import { h, replace, setAttribute } from './dom.ts';
import { moment, plural } from './format.ts';
import { type Page, problemBox } from './page.ts';
import { button, createTime, pill, type Tone } from './parts.ts';

const RESULTS: Readonly<Record<ReloadReport['result'], readonly [Tone, string, string]>> = {
  applied: ['good', 'Applied', 'It is in force as a whole.'],
  refused: ['bad', 'Refused', 'Nothing was changed: the configuration before stays in force.'],
  unchanged: ['quiet', 'Unchanged', 'The file says what is in force already.'],
};

/** @param applied called when another configuration is in force */
export function createReloading(page: Page, applied: () => void) {
  const problems = problemBox(page);
  const since = createTime();
  const sinceRow = h('p', {}, 'The configuration in force was applied ', since.element, '.');
  const off = h('p', { class: 'empty' }, 'This gateway was not started from a file: it cannot be reloaded.');
  const report = h('div', { role: 'status' });
  const reload = button('Reload now', () => void run(), { look: 'primary' });
  let shown = '';

  function show(last: ReloadReport): void {
    if (last.at === shown) return;
    if (shown !== '' && last.result === 'applied') applied();
    shown = last.at;
    replace(report, reportCard(last));
  }

  async function run(): Promise<void> {
    if (reload.getAttribute('aria-disabled') === 'true') return;
    problems.clear();
    setAttribute(reload, 'aria-disabled', 'true');
    try {
      const answer = await page.admin.reload();
      show(answer);
      if (answer.result === 'applied') applied();
    } catch (error) {
      problems.show(error);
    } finally {
      setAttribute(reload, 'aria-disabled', undefined);
    }
  }
  return {
    button: reload,
    element: h('div', { class: 'stack' }, off, sinceRow, problems.element, report),
    update(status: ReloadStatus | null, now: number) {
      off.hidden = status !== null;
      sinceRow.hidden = status === null;
      if (status === null) return;
      since.set(status.appliedAt, now);
      if (status.last !== undefined) show(status.last);
    },
  };
}

function reportCard({ result, at, actor, changed, needsRestart, problems }: ReloadReport): HTMLElement {
  const [tone, word, says] = RESULTS[result];
  return h(
    'article',
    { class: 'card', 'aria-label': 'The last reload' },
    h('p', { class: 'verdict' }, pill(tone, word), h('span', {}, says)),
    h('p', { class: 'note' }, 'Asked by ', h('code', {}, actor), `, ${moment(at)}.`),
    keys(`${plural(changed.length, 'key')} changed`, changed),
    keys('Can change with a restart only', needsRestart),
    problems.length > 0 && h('ul', { class: 'faults' }, ...problems.map((problem) => h('li', {}, problem))),
  );
}

function keys(title: string, names: readonly string[]): HTMLElement | false {
  if (names.length === 0) return false;
  return h(
    'div',
    {},
    h('h3', {}, title),
    h('ul', { class: 'keys' }, ...names.map((name) => h('li', {}, h('code', {}, name)))),
  );
}
