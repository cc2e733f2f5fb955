// The first view: is it well, and if not, where?
import type { LiveRoute, LiveState } from '../../listener/admin-live-types.ts';
import { type Chart, createChart, type Line } from './chart.ts';
import { createList, h } from './dom.ts';
import { count, duration, durationTick, NOTHING, percent, perSecond, perSecondTick, plural, span } from './format.ts';
import type { CreateView } from './page.ts';
import { createChoice, section } from './parts.ts';
import { createRegionCard } from './region-card.ts';
import type { Live, Sample } from './samples.ts';
import { createStats, type Stat } from './stats.ts';
import { createTable } from './table.ts';

type Quantile = 'p50' | 'p95' | 'p99';
type Outcome = 'delivered' | 'unknown' | 'not_sent';

const WINDOWS = [
  { value: '60', says: '1 min' },
  { value: '300', says: '5 min' },
  { value: '900', says: '15 min' },
] as const;

export const createOverview: CreateView = (page) => {
  const stats = createStats(STATS);
  const cards = h('div', { class: 'cards' });
  const list = createList<LiveState['regions'][number]>(
    cards,
    ({ name }) => name,
    ({ name }) => createRegionCard(page, name),
  );
  let quantile: Quantile = 'p95';
  let seconds = 300;
  const charts = createCharts();
  const routes = createRoutes();
  const redraw = (): void => drawCharts(charts, page.live, quantile, seconds);
  const choices = [
    createChoice('Latency shown', QUANTILES, quantile, (value) => {
      quantile = value;
      redraw();
    }),
    createChoice('Time shown', WINDOWS, '300', (value) => {
      seconds = Number(value);
      redraw();
    }),
  ];
  const element = h(
    'div',
    {},
    stats.element,
    section('Regions', {}, cards),
    section(
      'The last minutes',
      { note: 'Since this page was opened. Times are UTC.', actions: choices.map((choice) => choice.element) },
      h('div', { class: 'charts' }, ...Object.values(charts).map((chart) => chart.element)),
    ),
    section('Routes', { note: 'Busiest first.' }, routes.element),
  );
  return {
    title: 'Overview',
    element,
    update(live) {
      if (live.state === undefined) return;
      stats.set(live.state);
      list(live.state.regions);
      routes.set(live.state.routes.slice(0, 12));
      redraw();
    },
    close() {
      for (const chart of Object.values(charts)) chart.close();
    },
  };
};

function createCharts() {
  return {
    requests: createChart({ title: 'Requests, by region', format: perSecond, tick: perSecondTick }),
    latency: createChart({ title: 'Latency of the regions', format: duration, tick: durationTick }),
    outcomes: createChart({ title: 'What became of calls to regions', format: perSecond, tick: perSecondTick }),
    answers: createChart({ title: 'Answers to callers, by class', format: perSecond, tick: perSecondTick }),
  };
}

function createRoutes() {
  return createTable<LiveRoute>({
    caption: 'Routes with requests in the last interval',
    keyOf: ({ route }) => route,
    empty: 'No request came in the last interval.',
    columns: [
      { head: 'Route', cell: ({ route }) => h('code', {}, route) },
      { head: 'Requests', numeric: true, cell: (row) => perSecond(row.perSecond) },
      { head: 'p95', numeric: true, cell: ({ p95Ms }) => duration(p95Ms) },
    ],
  });
}

const QUANTILES = (['p50', 'p95', 'p99'] as const).map((value) => ({ value, says: value }));

function drawCharts(
  charts: Readonly<Record<'requests' | 'latency' | 'outcomes' | 'answers', Chart>>,
  { state, samples }: Live,
  quantile: Quantile,
  seconds: number,
): void {
  if (state === undefined) return;
  const names = state.regions.map(({ name }) => name);
  const byRegion = (pick: (region: LiveState['regions'][number]) => number | null): Line[] =>
    names.map((name) => ({
      name,
      pick: (sample) => {
        const region = sample.regions.find((candidate) => candidate.name === name);
        return region === undefined ? null : pick(region);
      },
    }));
  const total = (outcome: Outcome) => (sample: LiveState) =>
    sample.regions.reduce((sum, { outcomes }) => sum + outcomes[outcome], 0);
  const outcomes: readonly Outcome[] = ['delivered', 'unknown', 'not_sent'];
  charts.requests.update(
    samples,
    byRegion((region) => region.requestsPerSecond),
    seconds,
  );
  charts.latency.update(
    samples,
    byRegion(({ latencyMs }) => latencyMs?.[quantile] ?? null).map((line) => ({
      ...line,
      name: `${line.name} ${quantile}`,
    })),
    seconds,
  );
  charts.outcomes.update(
    samples,
    outcomes.map((name) => ({ name: name.replace('_', ' '), pick: total(name) })),
    seconds,
  );
  charts.answers.update(
    samples,
    classesIn(samples).map((name) => ({ name, pick: ({ requests }) => requests.byClass[name] ?? 0 })),
    seconds,
  );
}

const ALWAYS = ['2xx', '4xx', '5xx'];
const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'gone'];

/** Classes that never occurred would be lines along the bottom. */
function classesIn(samples: readonly Sample[]): string[] {
  return CLASSES.filter(
    (name) => ALWAYS.includes(name) || samples.some(({ state }) => (state?.requests.byClass[name] ?? 0) > 0),
  );
}

function failedShare({ requests }: LiveState): string {
  const failed = requests.byClass['5xx'] ?? 0;
  return requests.perSecond === 0 ? NOTHING : percent(Math.min(1, failed / requests.perSecond));
}

const STATS: readonly Stat[] = [
  {
    term: 'Requests',
    value: ({ requests }) => perSecond(requests.perSecond),
    note: ({ requests }) => `${count(requests.total)} in all`,
  },
  { term: 'In flight', value: ({ requests }) => count(requests.inFlight), note: () => 'not yet answered' },
  { term: 'Answered 5xx', value: failedShare, note: ({ requests }) => perSecond(requests.byClass['5xx'] ?? 0) },
  {
    term: 'Refused',
    value: ({ refusals }) => perSecond(Object.values(refusals).reduce((sum, rate) => sum + rate, 0)),
    note: () => 'by the gateway',
  },
  {
    term: 'Pin violations',
    value: ({ violations }) => count(violations),
    note: ({ violations }) => (violations === 0 ? 'as it has to be' : 'a defect: report it'),
    bad: ({ violations }) => violations > 0,
  },
  {
    term: 'Store',
    value: ({ store }) => (store.up ? 'Up' : 'Away'),
    note: ({ store }) => store.engine,
    bad: ({ store }) => !store.up,
  },
  {
    term: 'Running for',
    value: ({ uptimeSeconds }) => span(uptimeSeconds),
    note: ({ workers }) =>
      `${plural(workers.listening, 'thread')}${workers.restarts === 0 ? '' : `, ${plural(workers.restarts, 'restart')}`}`,
  },
];
