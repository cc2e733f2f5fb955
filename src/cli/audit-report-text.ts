// The report on an account as text: what an auditor asks first comes first.
import type { Tally } from '../audit/account-report.ts';
import type { Entry } from '../audit/entry.ts';
import { verdictLines } from './audit.ts';
import type { NamedReport } from './audit-report.ts';

const LISTED = 20;
const NONE = 'no region';

export function reportLines(named: NamedReport): string[] {
  const { account, report, finding } = named;
  return [
    `Account    ${account}`,
    `Period     ${report.from} to ${report.to}, UTC, the end not included`,
    `Pinned     ${report.pinned}; home ${report.homes.length === 0 ? 'unknown' : report.homes.join(', ')}`,
    '',
    ...(finding.answer === 'left' ? ['!!! OUTSIDE THE HOME REGION !!!'] : []),
    finding.sentence,
    ...finding.limits.map((limit) => `- ${limit}`),
    ...section('Requests outside the home region', report.outside, report.outsideCount),
    ...section('Stopped at the last check before a connection', report.violations, report.violations.length),
    ...regionLines(report.regions),
    ...refusalLines(report.refusals),
    ...dayLines(named),
    ...section('Changes of the directory', report.changes, report.changes.length),
    '',
    'The log, verified while it was read',
    ...verdictLines(report.verdict).map((line) => `  ${line}`),
  ];
}

function section(title: string, entries: readonly Entry[], count: number): string[] {
  if (count === 0) return [];
  const shown = entries.slice(0, LISTED).map((entry) => `  ${entryText(entry)}`);
  const more = count > shown.length ? [`  ... and ${count - shown.length} more: --format csv has them all`] : [];
  return ['', `${title} (${count})`, ...shown, ...more];
}

function entryText({
  time,
  seq,
  kind,
  route,
  region,
  home,
  pinned,
  reason,
  outcome,
  what,
  actor,
  detail,
}: Entry): string {
  const where = region === null ? '' : `${region}${home === null ? '' : ` (home ${home})`}`;
  const pin = pinned === null ? '' : pinned ? 'pinned' : 'not pinned';
  const parts = [time, `#${seq}`, kind, route, where, pin, reason, outcome, what, actor, detail];
  return parts.filter((part) => part !== null && part !== '').join('  ');
}

function regionLines(regions: ReadonlyMap<string | null, Tally>): string[] {
  if (regions.size === 0) return ['', 'Requests: none'];
  const rows = [...regions].map(([region, { requests, delivered, unknown, notSent, verifies }]) =>
    [region ?? NONE, requests, delivered, unknown, notSent, verifies].map(String),
  );
  return ['', ...table(['By region', 'requests', 'delivered', 'unknown', 'not sent', 'verified'], rows)];
}

function refusalLines(refusals: ReadonlyMap<string, number>): string[] {
  if (refusals.size === 0) return [];
  return [
    '',
    ...table(
      ['Refused by the gateway', 'requests'],
      [...refusals].map(([code, count]) => [code, String(count)]),
    ),
  ];
}

function dayLines({ report: { days, regions } }: NamedReport): string[] {
  if (days.size === 0) return [];
  const columns = [...regions.keys()];
  const rows = [...days]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, counts]) => [day, ...columns.map((region) => String(counts.get(region) ?? 0))]);
  return ['', ...table(['By day (UTC)', ...columns.map((region) => region ?? NONE)], rows)];
}

/** The first column to the left, numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((cell, at) => Math.max(cell.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const lineOf = (row: readonly string[]): string =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ');
  return [lineOf(head), ...rows.map((row) => lineOf(row))];
}
