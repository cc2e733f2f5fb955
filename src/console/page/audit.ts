// The audit: what is written, whether it is whole, and the last records as they come.
import type { AuditReadings, AuditRecord, AuditVerification } from '../../listener/admin-live-types.ts';
import { type Filter, member, passes, sentence } from './audit-record.ts';
import { h, replace, setAttribute } from './dom.ts';
import { selectField } from './field.ts';
import { bytes, count, duration, moment, NOTHING, plural, span } from './format.ts';
import { type CreateView, type Page, problemBox } from './page.ts';
import { button, createFact, createPill, createTable, pill, section } from './parts.ts';
import type { Live } from './samples.ts';

const RECORDS_ASKED = 200;
const RECORDS_SHOWN = 25;
const KINDS = ['request', 'verify', 'violation', 'directory', 'reload', 'gap', 'head', 'opened', 'closed'];
const OUTCOMES = ['delivered', 'unknown', 'not_sent', 'none'];

export const createAudit: CreateView = (page) => {
  const readings = createReadings();
  const tail = createTail(page, readings.setHead);
  const verification = createVerification(page);
  const off = h(
    'div',
    { class: 'empty' },
    h('p', {}, 'The audit log is off: audit.file is null. Name a file there, and restart.'),
  );
  const on = h(
    'div',
    { class: 'sections' },
    section('State', { actions: [verification.button] }, readings.element, verification.element),
    section('Latest records', { note: 'Newest first. Accounts stand as keyed hashes.' }, tail.element),
  );
  off.hidden = true;
  return {
    title: 'Audit',
    element: h('div', {}, off, on),
    update(live) {
      if (live.state === undefined) return;
      const { audit } = live.state;
      off.hidden = audit !== null;
      on.hidden = audit === null;
      if (audit === null) return;
      readings.set(audit);
      tail.update(live, audit.sequence);
    },
  };
};

function createReadings() {
  const state = createPill();
  const facts = {
    sequence: createFact('Last record'),
    requests: createFact('Requests since the start'),
    head: createFact('Last signed head'),
    headHash: createFact('Hash of the last head seen here'),
    bytes: createFact('Size of the file'),
    lost: createFact('Lost'),
    file: createFact('File'),
  };
  const element = h(
    'div',
    { class: 'card' },
    h('p', {}, state.element),
    h('dl', { class: 'facts' }, ...Object.values(facts).map((one) => one.element)),
  );
  facts.headHash.set('none yet');
  facts.headHash.element.classList.add('hash');
  return {
    element,
    set({ failing, failures, lost, sequence, written, headAgeMs, bytes: size, file }: AuditReadings) {
      state.set(
        failing ? 'bad' : lost > 0 ? 'warn' : 'good',
        failing ? 'Cannot be written' : lost > 0 ? 'Written, with a gap' : 'Written',
      );
      facts.sequence.set(count(sequence));
      facts.requests.set(count(written.request ?? 0));
      facts.head.set(headAgeMs === null ? 'none yet' : `${span(headAgeMs / 1000)} ago`);
      facts.bytes.set(bytes(size));
      facts.lost.set(
        failures === 0 ? plural(lost, 'record') : `${plural(lost, 'record')}, ${plural(failures, 'failure')}`,
      );
      facts.file.set(file);
    },
    /** The last one that came by: where much is written, the latest records soon have none. */
    setHead(record: AuditRecord | undefined) {
      if (record !== undefined) facts.headHash.set(member(record, 'hash') ?? NOTHING);
    },
  };
}

/** Reads anew when there is something new, one question at a time. */
function createTail(page: Page, heard: (head: AuditRecord | undefined) => void) {
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
      heard(records.find(({ kind }) => kind === 'head'));
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

/** The result in a sentence. */
export function verdictText({ good, records, files, faults, tookMs }: AuditVerification): string {
  const size = `${plural(records, 'record')} in ${plural(files, 'file')}, in ${duration(tookMs)}`;
  if (good) return `Every record follows from the one before it, and every signature is good (${size}).`;
  return `${plural(faults.length, 'fault')} found (${size}). Keep the files as they are, and find out who could write to them.`;
}

function createVerification(page: Page) {
  const problems = problemBox(page);
  const result = h('div', { class: 'verification', role: 'status' });
  const verify = button('Verify now', () => void run(), { look: 'primary' });

  async function run(): Promise<void> {
    if (verify.getAttribute('aria-disabled') === 'true') return;
    problems.clear();
    setAttribute(verify, 'aria-disabled', 'true');
    replace(result, h('p', { class: 'note' }, 'Reading the whole chain …'));
    try {
      replace(result, verdict(await page.admin.verifyAudit()));
    } catch (error) {
      replace(result);
      problems.show(error);
    } finally {
      setAttribute(verify, 'aria-disabled', undefined);
    }
  }
  return { button: verify, element: h('div', {}, result, problems.element) };
}

function verdict(verification: AuditVerification): HTMLElement {
  const { good, faults, at } = verification;
  return h(
    'div',
    { class: 'card' },
    h(
      'p',
      { class: 'verdict' },
      pill(good ? 'good' : 'bad', good ? 'Whole' : 'Not whole'),
      h('span', {}, verdictText(verification)),
    ),
    h('p', { class: 'note' }, `Verified ${moment(at)}.`),
    faults.length > 0 &&
      h(
        'ul',
        { class: 'faults' },
        ...faults.map(({ file, line, what }) =>
          h('li', {}, h('code', {}, line === null ? file : `${file}:${line}`), ` ${what}`),
        ),
      ),
  );
}
