// Charts over the last minutes. The drawing is for those who see it; the same numbers stand in a table beside it.

import type { LiveState } from '../../listener/admin-live-types.ts';
import { freshId, h, setAttribute, setText, svg } from './dom.ts';
import { clock, NOTHING } from './format.ts';
import type { Sample } from './samples.ts';
import { createTable } from './table.ts';
import uPlot from './uPlot.esm.js';

export interface Line {
  readonly name: string;
  /** Null: there is no value in this sample. */
  readonly pick: (state: LiveState) => number | null;
}

export interface ChartOptions {
  readonly title: string;
  /** Of the values beside the names, and in the table. */
  readonly format: (value: number) => string;
  /** Of the few round values at the axis: shorter. */
  readonly tick: (value: number) => string;
}

export interface Chart {
  readonly element: HTMLElement;
  /** @param seconds how far back it looks */
  update(samples: readonly Sample[], lines: readonly Line[], seconds: number): void;
  close(): void;
}

const HEIGHT = 168;
/** Seconds between the times at the axis. */
const STEPS = [5, 10, 15, 30, 60, 120, 300];
/** Lines differ in their dashes as well as in colour. */
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 4], [12, 4]] as const;
const at = (index: number): number => index % DASHES.length;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

interface Summary {
  readonly name: string;
  readonly now: string;
  readonly mean: string;
  readonly most: string;
}

function summaryOf({ name, values }: Series, format: ChartOptions['format']): Summary {
  const known = values.filter((value) => value !== null);
  const say = (value: number | null | undefined): string =>
    value === null || value === undefined ? NOTHING : format(value);
  if (known.length === 0) return { name, now: NOTHING, mean: NOTHING, most: NOTHING };
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return { name, now: say(values.at(-1)), mean: say(mean), most: say(Math.max(...known)) };
}

interface Drawing {
  readonly names: readonly string[];
  readonly tick: ChartOptions['tick'];
  readonly width: number;
  /** Where the pointer stands, as the index of a sample; null: nowhere. */
  readonly pointed: (index: number | null) => void;
}

function optionsOf({ names, tick, width, pointed }: Drawing): uPlot.Options {
  const axis = { stroke: () => colour('--muted'), font: '11px sans-serif', ticks: { show: false } };
  const grid = { stroke: () => colour('--grid'), width: 1 };
  return {
    width,
    height: HEIGHT,
    padding: [8, 26, 0, 0],
    legend: { show: false },
    cursor: { drag: { setScale: false, x: false, y: false }, y: false, points: { size: 6 } },
    scales: { x: { time: false }, y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.15 : 1] } },
    hooks: { setCursor: [({ cursor }) => pointed(cursor.idx ?? null)] },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 80,
        size: 28,
        gap: 8,
        incrs: STEPS,
        values: (_plot, splits) => splits.map(clock),
      },
      { ...axis, grid, space: 36, size: 62, values: (_plot, splits) => splits.map(tick) },
    ],
    series: [
      {},
      ...names.map((label, index) => ({
        label,
        stroke: () => colour(`--line-${at(index) + 1}`),
        width: 1.75,
        dash: [...(DASHES[at(index)] ?? [])],
        points: { show: false },
      })),
    ],
  };
}

/** Draws nothing before it knows its width; draws anew when that, or the colour scheme, changes. */
export function createChart({ title, format, tick }: ChartOptions): Chart {
  const id = freshId('chart');
  const holder = h('div', { class: 'chart-plot', role: 'img', 'aria-labelledby': id, 'aria-describedby': `${id}-now` });
  const legend = h('ul', { class: 'legend' });
  const now = h('span', { class: 'away', id: `${id}-now` });
  const table = tableOf(title);
  const numbers = h(
    'details',
    {},
    h('summary', {}, 'Numbers', h('span', { class: 'away' }, ` of: ${title}`)),
    table.element,
  );
  const element = h('figure', { class: 'chart' }, h('figcaption', { id }, title), legend, holder, now, numbers);
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  let plot: uPlot | undefined;
  let shown = '';
  let values: HTMLElement[] = [];
  let held: uPlot.AlignedData = [[]];

  const redraw = (): void => plot?.redraw();
  const fit = (): void => plot?.setSize({ width: holder.clientWidth, height: HEIGHT });
  const resized = new ResizeObserver(fit);
  resized.observe(holder);
  scheme.addEventListener('change', redraw);
  numbers.addEventListener('toggle', () => table.set(summaries));
  let summaries: Summary[] = [];
  let series: Series[] = [];

  /** Beside each name: its value at the pointer, or the last one. */
  function tell(index: number | null): void {
    series.forEach(({ values: known }, line) => {
      const value = index === null ? undefined : known[index];
      const into = values[line];
      if (into === undefined) return;
      setText(
        into,
        index === null ? (summaries[line]?.now ?? NOTHING) : typeof value === 'number' ? format(value) : NOTHING,
      );
    });
  }

  /** Another set of lines is another drawing. */
  function rebuild(names: readonly string[]): void {
    plot?.destroy();
    values = names.map(() => h('span', { class: 'legend-value' }));
    legend.replaceChildren(...names.map((name, index) => legendItem(name, index, values[index])));
    const width = Math.max(holder.clientWidth, 50);
    plot = new uPlot(optionsOf({ names, tick, width, pointed: tell }), held, holder);
    for (const canvas of holder.querySelectorAll('canvas')) setAttribute(canvas, 'aria-hidden', 'true');
    shown = names.join('\n');
  }

  return {
    element,
    update(samples, lines, seconds) {
      const end = samples.at(-1)?.at ?? 0;
      const recent = samples.filter((sample) => sample.at >= end - seconds);
      series = lines.map(({ name, pick }) => ({
        name,
        values: recent.map(({ state }) => (state === null || state.intervalMs === 0 ? null : pick(state))),
      }));
      summaries = series.map((one) => summaryOf(one, format));
      held = [recent.map((sample) => sample.at), ...series.map((one) => [...one.values])];
      const names = lines.map(({ name }) => name);
      if (plot === undefined || shown !== names.join('\n')) rebuild(names);
      plot?.batch(() => {
        plot?.setData(held, false);
        plot?.setScale('x', { min: end - seconds, max: end });
      });
      tell(plot?.cursor.idx ?? null);
      setText(now, summaries.map((summary) => `${summary.name}: ${summary.now}`).join('; '));
      if (numbers.open) table.set(summaries);
    },
    close() {
      resized.disconnect();
      scheme.removeEventListener('change', redraw);
      plot?.destroy();
    },
  };
}

function legendItem(name: string, index: number, value: HTMLElement | undefined): HTMLElement {
  const line = svg('line', { x1: 0, y1: 4, x2: 22, y2: 4, 'stroke-dasharray': DASHES[at(index)]?.join(' ') });
  const swatch = svg(
    'svg',
    { class: `swatch line-${at(index) + 1}`, viewBox: '0 0 22 8', 'aria-hidden': 'true' },
    line,
  );
  return h('li', {}, swatch, h('span', {}, name), value);
}

function tableOf(title: string) {
  return createTable<Summary>({
    caption: `${title}: last value, mean and most in the time shown`,
    keyOf: ({ name }) => name,
    empty: 'Nothing was measured yet.',
    columns: [
      { head: 'Line', cell: ({ name }) => name },
      { head: 'Last', numeric: true, cell: (row) => row.now },
      { head: 'Mean', numeric: true, cell: ({ mean }) => mean },
      { head: 'Most', numeric: true, cell: ({ most }) => most },
    ],
  });
}
