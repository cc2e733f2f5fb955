// docs/robustness.md, out of what was seen.
import { type Case, GRADES, type Judgement, type Observation, type Section } from './case.ts';
import { INTRODUCTION, ON_CALLERS, ON_REGIONS, ON_SCENARIOS } from './document-words.ts';
import type { Told } from './scenario.ts';

/** One case at one proxy: what was seen of it; or why it cannot be asked of that one. */
export type Seen = Told | string;

export interface Row {
  readonly name: string;
  readonly sent: string;
  /** Why the gateway is no better, where it is not safe. */
  readonly because?: string | undefined;
  readonly gateway: Told;
  /** By the peer's name. */
  readonly peers: ReadonlyMap<string, Seen>;
}

/** Rows of one kind. */
export interface Chapter {
  readonly title: string;
  readonly rows: readonly Row[];
}

export interface Seens {
  readonly callers: readonly Chapter[];
  readonly regions: readonly Chapter[];
  readonly scenarios: readonly Chapter[];
}

const rank = ({ grade }: Judgement): number => GRADES.indexOf(grade);

/** The peers that did better than the gateway. */
export function saferPeers({ gateway, peers }: Row): string[] {
  return [...peers].flatMap(([name, seen]) =>
    typeof seen !== 'string' && rank(seen.judgement) < rank(gateway.judgement) ? [name] : [],
  );
}

function outcomeOf(head: string): string {
  const outcome = /^onetime-gateway-outcome: (\w+)/im.exec(head)?.[1];
  return outcome === undefined ? '' : ` ${outcome}`;
}

/** What came back, in a few words. */
function backOf({ answers, closed, errors }: Observation): string {
  const open = closed ? '' : ', left open';
  const ended = errors.map((error) => `, ${error}`).join('');
  if (answers.length === 0) return `no answer${ended}${open}`;
  const said = answers.map(({ status, head, isWhole }) => {
    if (status === 0) return 'no HTTP';
    return `${status}${outcomeOf(head)}${isWhole || status >= 400 || errors.length > 0 ? '' : ' (not whole)'}`;
  });
  return `${said.join(', ')}${ended}${open}`;
}

function sawOf({ requests, unfinished }: Observation): string {
  if (requests.length === 0) return unfinished.length === 0 ? 'nothing' : 'part of a request';
  return requests.length === 1 ? 'one request' : `${requests.length} requests`;
}

/** A case at one proxy, in the words of the document. */
export function toldOf(one: Case, observation: Observation): Told {
  return { back: backOf(observation), saw: sawOf(observation), judgement: one.judge(observation) };
}

function cell(seen: Seen | undefined, safer: readonly string[] = []): string {
  if (seen === undefined) return 'not there';
  if (typeof seen === 'string') return `does not apply: ${seen}`;
  const { back, saw, judgement } = seen;
  const grade = judgement.grade === 'safe' ? 'safe' : `**${judgement.grade}**: ${judgement.why}`;
  const better = safer.length > 0 ? `; safer: ${safer.join(', ')}` : '';
  return `${grade}${better}<br>${back}<br>${saw}`;
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

function chapters(all: readonly Chapter[], peers: readonly string[]): string {
  const heads = ['Case', 'What was sent', 'onetime-gateway', ...peers];
  const parts = all.map(({ title, rows }) => {
    const cells = rows.map((row) => [
      row.name,
      row.sent,
      cell(row.gateway, saferPeers(row)),
      ...peers.map((name) => cell(row.peers.get(name))),
    ]);
    return `### ${title}\n\n${table(heads, cells)}`;
  });
  return parts.join('\n\n');
}

/** How many are safe, weak and unsafe; the rest does not apply. */
function count(seen: readonly (Seen | undefined)[]): string {
  const grades = seen.map((each) => (typeof each === 'object' ? each.judgement.grade : undefined));
  return GRADES.map((grade) => String(grades.filter((each) => each === grade).length)).join(' / ');
}

function countAll(rows: readonly Row[], peers: readonly string[]): string[] {
  return [
    count(rows.map(({ gateway }) => gateway)),
    ...peers.map((name) => count(rows.map((row) => row.peers.get(name)))),
  ];
}

/** What each kind comes to, and all. */
function summary(all: readonly Chapter[], versions: ReadonlyMap<string, string>): string {
  const peers = [...versions.keys()];
  const heads = ['Safe / weak / unsafe', 'onetime-gateway', ...[...versions].map((each) => each.join(' '))];
  const rows = all.map(({ title, rows }) => [`[${title}](#${anchorOf(title)})`, ...countAll(rows, peers)]);
  const every = countAll(
    all.flatMap(({ rows }) => rows),
    peers,
  );
  return table(heads, [...rows, ['All', ...every]]);
}

/** As GitHub makes them. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-');

function verdict(rows: readonly Row[]): string {
  const safer = rows.filter((row) => saferPeers(row).length > 0);
  if (safer.length === 0) return '**There is no case here in which one of them is safer than the gateway.**';
  const list = safer.map((row) => `- ${row.name}: ${saferPeers(row).join(', ')}`);
  return `Cases in which one of them is safer than the gateway:\n\n${list.join('\n')}`;
}

/** What the gateway does not do well, whoever does it better. */
function shortcomings(rows: readonly Row[]): string {
  const found = rows.filter(({ gateway }) => gateway.judgement.grade !== 'safe');
  if (found.length === 0) return '';
  const list = found.map(({ name, because, gateway }) =>
    `- ${name}: ${gateway.judgement.why}. ${because ?? ''}`.trimEnd(),
  );
  return `\nWhere the gateway itself is not safe by this measure:\n\n${list.join('\n')}\n`;
}

export function rowsIn({ callers, regions, scenarios }: Seens): Row[] {
  return [...callers, ...regions, ...scenarios].flatMap(({ rows }) => rows);
}

/** @param versions by the peer's name */
export function renderDocument(seens: Seens, versions: ReadonlyMap<string, string>): string {
  const peers = [...versions.keys()];
  const rows = rowsIn(seens);
  return `${INTRODUCTION}
${verdict(rows)}
${shortcomings(rows)}
${summary([...seens.callers, ...seens.regions, ...seens.scenarios], versions)}

## Callers

${ON_CALLERS}

${chapters(seens.callers, peers)}

## Regions

${ON_REGIONS}

${chapters(seens.regions, peers)}

## More than one exchange

${ON_SCENARIOS}

${chapters(seens.scenarios, peers)}
`;
}

/** @param rowOf what was seen of each case */
export function chaptersOf(sections: readonly Section[], rowOf: (one: Case) => Row): Chapter[] {
  return sections.map(({ title, cases }) => ({ title, rows: cases.map(rowOf) }));
}
