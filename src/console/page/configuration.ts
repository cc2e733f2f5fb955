// The configuration in force, where each value came from, reloading it, and the log's level.
import type { ConfigValue, LogLevel } from '../../listener/admin-live-types.ts';
import { openDialog } from './dialog.ts';
import { h } from './dom.ts';
import { selectField, textField } from './field.ts';
import { plural } from './format.ts';
import { type CreateView, nowMs, type Page, problemBox, tokenNote } from './page.ts';
import { button, section } from './parts.ts';
import { createReloading } from './reloading.ts';
import { createTable } from './table.ts';

const LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

export const createConfiguration: CreateView = (page) => {
  const values = createValues(page);
  const reloading = createReloading(page, values.refresh);
  const level = createLevel(page);
  return {
    title: 'Configuration',
    element: h(
      'div',
      {},
      section('Reload', { actions: [reloading.button] }, reloading.element),
      section('Log level', { note: 'Until the next restart, or a reload that changes it.' }, level),
      section('In force', { note: 'What is or may hold a secret is hidden.' }, values.element),
    ),
    update: (live) => reloading.update(live.state?.reload ?? null, nowMs(live)),
  };
};

const ORIGINS = { file: 'file', environment: 'environment', default: 'default' } as const;

export function originText({ from, line, variable }: ConfigValue): string {
  const at = line === undefined ? '' : `, line ${line}`;
  return from === 'environment' && variable !== undefined ? `${variable}${at}` : `${ORIGINS[from]}${at}`;
}

function createValues(page: Page) {
  const problems = problemBox(page);
  const search = textField({ label: 'Search', type: 'search', placeholder: 'limits, host, 30s …' });
  const from = selectField({
    label: 'Where from',
    options: [{ value: '', says: 'anywhere' }, ...Object.keys(ORIGINS).map((value) => ({ value, says: value }))],
  });
  const shown = h('p', { class: 'note found-keys', role: 'status' });
  const table = createTable<ConfigValue>({
    caption: 'The configuration in force',
    keyOf: ({ key }) => key,
    empty: 'No key fits.',
    columns: [
      { head: 'Key', cell: ({ key }) => h('code', {}, key) },
      { head: 'Value', cell: ({ value }) => h('code', { class: 'value' }, value) },
      { head: 'From', cell: (value) => h('span', { class: `origin origin-${value.from}` }, originText(value)) },
    ],
  });
  let values: readonly ConfigValue[] = [];

  function show(): void {
    const wanted = search.input.value.trim().toLowerCase();
    const fitting = values.filter(
      (row) =>
        (from.input.value === '' || row.from === from.input.value) &&
        `${row.key} ${row.value} ${originText(row)}`.toLowerCase().includes(wanted),
    );
    table.set(fitting);
    shown.textContent =
      fitting.length === values.length
        ? plural(values.length, 'key')
        : `${plural(fitting.length, 'key')} of ${values.length}`;
  }
  function refresh(): void {
    page.admin
      .config()
      .then((answer) => {
        values = answer.values;
        problems.clear();
        show();
      })
      .catch((error: unknown) => problems.show(error));
  }
  search.input.addEventListener('input', show);
  from.input.addEventListener('change', show);
  refresh();
  return {
    element: h(
      'div',
      {},
      h('div', { class: 'filters' }, search.element, from.element),
      problems.element,
      shown,
      table.element,
    ),
    refresh,
  };
}

/** Asked before it is changed: at trace the log grows fast, at silent it is blind. */
function createLevel(page: Page): HTMLElement {
  const problems = problemBox(page);
  const now = h('span', { class: 'figure' });
  const change = button('Change', () =>
    openLevel(page, now.textContent ?? '', (level) => {
      now.textContent = level;
    }),
  );
  change.setAttribute('aria-label', 'Change the log level');
  page.admin
    .logLevel()
    .then(({ level }) => {
      now.textContent = level;
    })
    .catch((error: unknown) => {
      change.hidden = true;
      problems.show(error);
    });
  return h('div', {}, h('p', { class: 'level' }, now, change), problems.element);
}

function openLevel(page: Page, now: string, done: (level: LogLevel) => void): void {
  const level = selectField({
    label: 'Log level',
    options: LEVELS.map((value) => ({ value, says: value })),
    value: now,
  });
  openDialog({
    title: 'Change the log level',
    says: tokenNote(page),
    fields: [level.element],
    submit: 'Change',
    askToken: page.askToken,
    act: async () => {
      const wanted = LEVELS.find((candidate) => candidate === level.input.value) ?? 'info';
      const answer = await page.admin.setLogLevel(wanted);
      page.announce(`The log level is ${answer.level}.`);
      done(answer.level);
    },
  });
}
