// The report on an account as one page that needs nothing else: no script, no other host, good on paper.
import { type Entry, wasSent } from '../audit/entry.ts';
import { escapeHtml } from '../reference/html.ts';
import { verdictLines } from './audit.ts';
import type { NamedReport } from './audit-report.ts';
import { chart, colourOf, regionsOf } from './audit-report-chart.ts';
import { POLICY, STYLE } from './audit-report-style.ts';

const NONE = 'no region';

export function reportPage(named: NamedReport): string {
  const { account, report } = named;
  const title = `Audit report: ${account}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="about">${when(report.from)} to ${when(report.to)} (UTC, the end not included). Made ${when(named.madeAt)}.</p>
</header>
<main>
${answer(named)}
${facts(named)}
${list('Requests outside the home region', report.outside, report.outsideCount)}
${list('Stopped at the last check before a connection', report.violations, report.violations.length)}
${requests(named)}
${list('Changes of the directory', report.changes, report.changes.length)}
${list('Records', named.entries, report.entries)}
<section>
<h2>The log, verified while it was read</h2>
<pre tabindex="0">${escapeHtml(verdictLines(report.verdict).join('\n'))}</pre>
</section>
</main>
</body>
</html>
`;
}

function when(iso: string): string {
  const text = iso.endsWith('T00:00:00.000Z') ? iso.slice(0, 10) : iso.slice(0, 19).replace('T', ' ');
  return `<time datetime="${iso}">${text}</time>`;
}

function answer({ finding: { answer, sentence, limits } }: NamedReport): string {
  const items = limits.map((limit) => `<li>${escapeHtml(limit)}</li>`).join('');
  return `<section class="answer ${answer}" aria-label="Answer"><p>${escapeHtml(sentence)}</p>${items === '' ? '' : `<ul>${items}</ul>`}</section>`;
}

function facts({ report }: NamedReport): string {
  const sum = (of: 'delivered' | 'unknown' | 'notSent'): number =>
    [...report.regions.values()].reduce((total, tally) => total + tally[of], 0);
  const rows: [string, string | number][] = [
    ['Home', report.homes.length === 0 ? 'unknown' : report.homes.join(', ')],
    ['Pinned', report.pinned],
    ['Requests', report.requests],
    ['Delivered', sum('delivered')],
    ['Unknown', sum('unknown')],
    ['Not sent', sum('notSent')],
    ['Outside home', report.outsideCount],
  ];
  const cells = rows.map(([name, value]) => `<div><dt>${name}</dt><dd>${shown(value)}</dd></div>`);
  return `<dl class="facts">${cells.join('')}</dl>`;
}

function requests(named: NamedReport): string {
  const { report } = named;
  if (report.days.size === 0) return '';
  const regions = regionsOf(report);
  const keys = regions.map(
    (region, at) => `<span><span class="key ${colourOf(region, at)}"></span>${escapeHtml(region ?? NONE)}</span>`,
  );
  const days = [...report.days].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const rows = days.map(([day, counts]) => [day, ...regions.map((region) => shown(counts.get(region) ?? 0))]);
  const perRegion = [...report.regions].map(([region, { requests: all, delivered, unknown, notSent, verifies }]) => [
    region ?? NONE,
    ...[all, delivered, unknown, notSent, verifies].map(shown),
  ]);
  return `<section>
<h2>Requests over time by region</h2>
<figure><div class="wide" tabindex="0" role="group" aria-label="Chart">${chart(report)}</div><figcaption>${keys.join('')}</figcaption></figure>
<h2>By region</h2>
${table(['Region', 'Requests', 'Delivered', 'Unknown', 'Not sent', 'Credentials verified'], perRegion)}
${refusals(named)}
<h2>By day</h2>
${table(['Day (UTC)', ...regions.map((region) => region ?? NONE)], rows)}
</section>`;
}

function refusals({ report }: NamedReport): string {
  if (report.refusals.size === 0) return '';
  const rows = [...report.refusals].map(([code, count]) => [code, shown(count)]);
  return `<h2>Refused by the gateway</h2>\n${table(['Refusal', 'Requests'], rows)}`;
}

const COLUMNS: readonly (readonly [title: string, of: (entry: Entry) => string | null])[] = [
  ['Time (UTC)', ({ time }) => time.replace('T', ' ').replace('Z', '')],
  ['Record', ({ seq }) => String(seq)],
  ['Kind', ({ kind }) => kind],
  ['Route', ({ route }) => route],
  ['Region', ({ region }) => region],
  ['Home', ({ home }) => home],
  ['Pinned', ({ pinned }) => (pinned === null ? null : pinned ? 'yes' : 'no')],
  ['Upstream', ({ upstream }) => upstream],
  ['Reason', ({ reason, refusal }) => refusal ?? reason],
  ['Outcome', ({ outcome }) => outcome],
  ['Status', ({ status }) => (status === null ? null : String(status))],
  ['About', ({ what, actor, detail }) => [what, actor, detail].filter((part) => part !== null).join(' ')],
];

/** Columns that say nothing of any of these are left out. */
function list(title: string, entries: readonly Entry[], count: number): string {
  if (count === 0) return '';
  const columns = COLUMNS.filter(([, of]) => entries.some((entry) => (of(entry) ?? '') !== ''));
  const rows = entries.map((entry) => columns.map(([, of]) => of(entry) ?? ''));
  const marked = new Set(entries.flatMap((entry, at) => (wasSent(entry) && entry.region !== entry.home ? [at] : [])));
  const more =
    count > entries.length ? `<p>The first ${shown(entries.length)} of ${shown(count)}: the CSV has them all.</p>` : '';
  return `<section>
<h2>${escapeHtml(title)} (${shown(count)})</h2>
${more}${table(
  columns.map(([name]) => name),
  rows,
  marked,
)}
</section>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[], marked = new Set<number>()): string {
  const titles = head.map((title) => `<th scope="col">${escapeHtml(title)}</th>`).join('');
  const lines = rows.map(([name = '', ...cells], at) => {
    const rest = cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('');
    return `<tr${marked.has(at) ? ' class="outside"' : ''}><th scope="row">${escapeHtml(name)}</th>${rest}</tr>`;
  });
  return `<div class="wide" tabindex="0" role="group" aria-label="Table"><table><thead><tr>${titles}</tr></thead><tbody>\n${lines.join('\n')}\n</tbody></table></div>`;
}

function shown(value: string | number): string {
  return typeof value === 'number' ? value.toLocaleString('en') : value;
}
