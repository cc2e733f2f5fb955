// Limits and refusals: who is turned away at the moment, and why.
import type { LiveLimit, LiveRegion } from '../../listener/admin-live-types.ts';
import { createChart } from './chart.ts';
import { createList, h, setText } from './dom.ts';
import { count, percent, perSecond, perSecondTick } from './format.ts';
import { createOverload } from './overload.ts';
import type { CreateView } from './page.ts';
import { createMeter, empty, section } from './parts.ts';
import type { Live } from './samples.ts';
import { createTable } from './table.ts';

interface Refused {
  readonly code: string;
  readonly now: number;
  readonly most: number;
}

const SECONDS = 300;

export const createLimits: CreateView = () => {
  const limits = createTable<LiveLimit>({
    caption: 'Limits, and what they refuse',
    keyOf: ({ name }) => name,
    empty: 'No limit is configured.',
    columns: [
      { head: 'Limit', cell: ({ name }) => h('code', {}, name) },
      { head: 'Counted now', numeric: true, cell: ({ entries }) => count(entries) },
      { head: 'Refused', numeric: true, cell: ({ refusedPerSecond }) => perSecond(refusedPerSecond) },
      { head: 'Would be refused', numeric: true, cell: ({ shadowPerSecond }) => perSecond(shadowPerSecond) },
    ],
  });
  const refusals = createTable<Refused>({
    caption: 'Refusals by code',
    keyOf: ({ code }) => code,
    empty: 'Nothing was refused in the last five minutes.',
    columns: [
      { head: 'Code', cell: ({ code }) => h('code', {}, code) },
      { head: 'Now', numeric: true, cell: ({ now }) => perSecond(now) },
      { head: 'Most in 5 min', numeric: true, cell: ({ most }) => perSecond(most) },
    ],
  });
  const chart = createChart({ title: 'Refusals, by code', format: perSecond, tick: perSecondTick });
  const limited = createChart({ title: 'Over a limit, by limit', format: perSecond, tick: perSecondTick });
  const budgets = h('div', { class: 'budgets' });
  const noBudget = empty('No region’s budget is counted: limits.regionBudget is off.');
  const list = createList<LiveRegion>(budgets, ({ name }) => name, createBudget);
  const overload = createOverload(SECONDS);
  const element = h(
    'div',
    {},
    section(
      'Limits',
      { note: '“Would be refused” counts for limits in shadow mode.' },
      limits.element,
      h('div', { class: 'charts' }, limited.element),
    ),
    section(
      'Budget of the regions',
      { note: 'What a region allows this gateway, before it refuses by itself.' },
      budgets,
      noBudget,
    ),
    overload.element,
    section(
      'Refusals',
      { note: 'The gateway’s own negative answers.' },
      refusals.element,
      h('div', { class: 'charts' }, chart.element),
    ),
  );
  return {
    title: 'Limits and refusals',
    element,
    update(live) {
      if (live.state === undefined) return;
      limits.set(live.state.limits);
      overload.update(live.samples, live.state);
      const counted = live.state.regions.filter(({ budgetUsed }) => budgetUsed !== null);
      list(counted);
      noBudget.hidden = counted.length > 0;
      const refused = refusedIn(live);
      refusals.set(refused);
      const shown = refused.slice(0, 6).sort((a, b) => a.code.localeCompare(b.code));
      chart.update(
        live.samples,
        shown.map(({ code }) => ({ name: code, pick: (state) => state.refusals[code] ?? 0 })),
        SECONDS,
      );
      const names = live.state.limits.map(({ name }) => name);
      limited.update(
        live.samples,
        names.map((name) => ({ name, pick: (state) => overLimit(state.limits, name) })),
        SECONDS,
      );
    },
    close() {
      chart.close();
      limited.close();
      overload.close();
    },
  };
};

function overLimit(limits: readonly LiveLimit[], name: string): number {
  const limit = limits.find((candidate) => candidate.name === name);
  return limit === undefined ? 0 : limit.refusedPerSecond + limit.shadowPerSecond;
}

/** Those of the time shown, whether or not they are refused right now: rows must not come and go by the second. */
function refusedIn({ samples, state }: Live): Refused[] {
  const end = samples.at(-1)?.at ?? 0;
  const most = new Map<string, number>();
  for (const sample of samples) {
    if (sample.at < end - SECONDS) continue;
    for (const [code, rate] of Object.entries(sample.state?.refusals ?? {})) {
      most.set(code, Math.max(rate, most.get(code) ?? 0));
    }
  }
  return [...most]
    .map(([code, top]) => ({ code, most: top, now: state?.refusals[code] ?? 0 }))
    .sort((a, b) => b.most - a.most || a.code.localeCompare(b.code));
}

function createBudget({ name }: LiveRegion) {
  const meter = createMeter(`Budget used, ${name}`);
  const says = h('span');
  return {
    element: h('div', { class: 'gauge' }, h('span', {}, name), meter.element, says),
    update({ budgetUsed }: LiveRegion) {
      meter.set(budgetUsed ?? 0, percent(budgetUsed ?? 0));
      setText(says, percent(budgetUsed ?? 0));
    },
  };
}
