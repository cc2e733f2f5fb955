// The last records of the audit log, as they come.
import type { AuditRecord } from '../../listener/admin-live-types.ts';
import { type Filter, member, passes, sentence } from './audit-record.ts';
import { h, setAttribute } from './dom.ts';
import { selectField } from './field.ts';
import { count, moment, NOTHING } from './format.ts';
import { type Page, problemBox } from './page.ts';
import { button, pill } from './parts.ts';
import type { Live } from './samples.ts';
import { createTable } from './table.ts';

const RECORDS_ASKED = 200;
const RECORDS_SHOWN = 25;
const KINDS = ['request', 'verify', 'violation', 'directory', 'reload', 'gap', 'pruned', 'head', 'opened', 'closed'];
const OUTCOMES = ['delivered', 'unknown', 'not_sent', 'none'];

/** Reads anew when there is something new, one question at a time. */
export function createTail(page: Page) {
  const problems = problemBox(page);
  const table = createTable<AuditRecord>({
    caption: 'The latest records of the audit log',
    keyOf: ({ seq }) => String(seq),
    empty: 'None of the latest records fits.',
    columns: [
      { head: 'Record', numeric: true, cell: ({ seq }) => count(seq) },
      { head: 'Time', cell: ({ time }) => h('time', { datetime: time, title: moment(time) }, time.slice(11, 23)) },
      { head: 'Kind', cell: kindCell },
      { head: 'Region', cell: (record) => member(record, 'region') ?? NOTHING },
      { head: 'What', cell: sentence },
      { head: 'Outcome', cell: (record) => member(record, 'outcome')?.replace('_', ' ') ?? NOTHING },
      { head: 'Account', cell: (record) => h('code', {}, member(record, 'account')?.slice(0, 8) ?? NOTHING) },
    ],
  });
  const filters = filtersOf(page, () => show());
  let records: readonly AuditRecord[] = [];
  let asked = -1;
  let busy = false;
  let paused = false;
  let most = RECORDS_SHOWN;
  const more = button('Show more', () => {
    most += RECORDS_SHOWN;
    show();
  });
  const pause = button('Pause', () => {
    paused = !paused;
    pause.textContent = paused ? 'Go on' : 'Pause';
    setAttribute(pause, 'aria-pressed', String(paused));
  });
  setAttribute(pause, 'aria-pressed', 'false');

  function show(): void {
    const filter = filters.chosen();
    const fitting = records.filter((record) => passes(record, filter));
    table.set(fitting.slice(0, most));
    more.hidden = fitting.length <= most;
  }

  async function read(sequence: number): Promise<void> {
    busy = true;
    asked = sequence;
    try {
      const answer = await page.admin.audit(RECORDS_ASKED);
      records = [...answer.records].reverse();
      problems.clear();
      show();
    } catch (error) {
      problems.show(error);
    } finally {
      busy = false;
    }
  }
  return {
    element: h(
      'div',
      {},
      h('div', { class: 'filters' }, ...filters.elements, pause),
      problems.element,
      table.element,
      h('div', { class: 'pager' }, more),
    ),
    update({ connection }: Live, sequence: number) {
      if (!busy && !paused && connection === 'open' && sequence !== asked) void read(sequence);
    },
  };
}

function kindCell({ kind }: AuditRecord): HTMLElement {
  if (kind === 'violation' || kind === 'gap') return pill('bad', kind);
  return h('span', { class: `kind kind-${kind}` }, kind);
}

function filtersOf({ live }: Page, changed: () => void) {
  const select = (label: string, values: readonly string[]) => {
    const options = [{ value: '', says: 'all' }, ...values.map((value) => ({ value, says: value.replace('_', ' ') }))];
    const field = selectField({ label, options });
    field.input.addEventListener('change', changed);
    return field;
  };
  const kind = select('Kind', KINDS);
  const region = select('Region', live.state?.regions.map(({ name }) => name) ?? []);
  const outcome = select('Outcome', OUTCOMES);
  return {
    elements: [kind.element, region.element, outcome.element],
    chosen: (): Filter => ({ kind: kind.input.value, region: region.input.value, outcome: outcome.input.value }),
  };
}
