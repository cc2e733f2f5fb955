// The chart of a report: requests over time by region, as an SVG without any script.
import type { AccountReport } from '../audit/account-report.ts';
import { escapeHtml as escaped } from '../reference/html.ts';

const WIDTH = 900;
const HEIGHT = 260;
const LEFT = 48;
const BOTTOM = 28;
const TOP = 12;
const BARS_MOST = 62;
const DAY_MS = 86_400_000;
/** Colours that can be told apart, in the page's style. */
export const COLOURS = 8;

interface Bar {
  /** First day, and last where there are several. */
  readonly label: string;
  readonly counts: ReadonlyMap<string | null, number>;
  readonly total: number;
}

/** Of each region its place among the colours, `null` (no region) last. */
export function regionsOf({ regions }: AccountReport): (string | null)[] {
  return [...regions.keys()].sort((a, b) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : 1));
}

export function chart(report: AccountReport): string {
  const bars = barsOf(report);
  if (bars.length === 0) return '';
  const regions = regionsOf(report);
  const top = niceTop(Math.max(...bars.map(({ total }) => total)));
  const step = (WIDTH - LEFT) / bars.length;
  const scale = (HEIGHT - TOP - BOTTOM) / top;
  const drawn = bars.map((bar, at) => barOf(bar, regions, LEFT + at * step, step, scale)).join('');
  const labelled = Math.ceil(bars.length / 8);
  const labels = bars
    .map(({ label }, at) => ({ label, at }))
    .filter(({ at }) => at % labelled === 0)
    .map(
      ({ label, at }) => `<text x="${round(LEFT + at * step)}" y="${HEIGHT - 8}">${escaped(label.slice(0, 10))}</text>`,
    )
    .join('');
  const lines = [0, top / 2, top]
    .map((value) => {
      const y = round(HEIGHT - BOTTOM - value * scale);
      return `<line x1="${LEFT}" x2="${WIDTH}" y1="${y}" y2="${y}"/><text class="value" x="${LEFT - 8}" y="${y + 4}">${value.toLocaleString('en')}</text>`;
    })
    .join('');
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Requests over time by region; the table below has the same numbers"><g class="grid">${lines}</g>${drawn}<g class="labels">${labels}</g></svg>`;
}

function barOf(bar: Bar, regions: readonly (string | null)[], x: number, step: number, scale: number): string {
  let y = HEIGHT - BOTTOM;
  const parts = regions.map((region, at) => {
    const count = bar.counts.get(region) ?? 0;
    if (count === 0) return '';
    const height = count * scale;
    y -= height;
    const place = `x="${round(x + step * 0.1)}" y="${round(y)}" width="${round(step * 0.8)}" height="${round(height)}"`;
    return `<rect class="${colourOf(region, at)}" ${place}/>`;
  });
  const told = regions.map((region) => `${region ?? 'no region'}: ${bar.counts.get(region) ?? 0}`).join(', ');
  return `<g><title>${escaped(`${bar.label}: ${told}`)}</title>${parts.join('')}</g>`;
}

export function colourOf(region: string | null, at: number): string {
  return region === null ? 'none' : `c${at % COLOURS}`;
}

/** A bar a day; where that would be too many, one for several days. */
function barsOf({ days }: AccountReport): Bar[] {
  const known = [...days.keys()].sort();
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return [];
  const from = Date.parse(first);
  const count = Math.round((Date.parse(last) - from) / DAY_MS) + 1;
  const perBar = Math.ceil(count / BARS_MOST);
  return Array.from({ length: Math.ceil(count / perBar) }, (_, at): Bar => {
    const span = Array.from({ length: Math.min(perBar, count - at * perBar) }, (_, day) =>
      new Date(from + (at * perBar + day) * DAY_MS).toISOString().slice(0, 10),
    );
    const counts = new Map<string | null, number>();
    for (const day of span) {
      for (const [region, number] of days.get(day) ?? []) counts.set(region, (counts.get(region) ?? 0) + number);
    }
    const total = [...counts.values()].reduce((sum, number) => sum + number, 0);
    return { label: perBar === 1 ? `${span[0]}` : `${span[0]} to ${span.at(-1)}`, counts, total };
  });
}

/** A round number, above ten one whose half is round, too. */
function niceTop(most: number): number {
  const unit = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
  const factors = unit === 1 ? [2, 4, 6, 8, 10] : [1, 1.5, 2, 3, 4, 5, 6, 8, 10];
  return (factors.find((factor) => factor * unit >= most) ?? 10) * unit;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
