// The tables of a run in bench/README.md, between two marks.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Report, tableOf } from './compare-table.ts';

const FILE = fileURLToPath(new URL('README.md', import.meta.url));
const BEGIN = '<!-- npm run bench -- --readme: from here';
const END = '<!-- npm run bench -- --readme: to here -->';

/** How the run was made, and its tables. */
export function tablesOf(report: Report): string {
  const { takenAt, machine, rounds, seconds, store, load, upstream, closing, cells, missing } = report;
  const connections = closing ? 'a new connection for each request' : 'connections kept';
  const facts = [
    `${takenAt.slice(0, 10)}, Node ${machine.node} on ${machine.cpus} cores (${machine.model})`,
    `${rounds} rounds of ${seconds} s, store ${store}, load ${load}, upstream ${upstream}, ${connections}`,
    ...(missing.length === 0 ? [] : [`without ${missing.map(({ name }) => name).join(', ')}`]),
  ];
  return [`Latest: ${facts.join('; ')}.`, ...cells.map(tableOf)].join('\n\n');
}

/** @throws where the text has not the two marks, in order */
export function withTables(text: string, report: Report): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  const lineEnd = text.indexOf('\n', begin);
  if (begin === -1 || end < lineEnd) throw new Error(`the text has no lines ${BEGIN} --> and ${END}`);
  return `${text.slice(0, lineEnd)}\n\n${tablesOf(report)}\n\n${text.slice(end)}`;
}

export function writeReadme(report: Report): void {
  writeFileSync(FILE, withTables(readFileSync(FILE, 'utf8'), report));
}
