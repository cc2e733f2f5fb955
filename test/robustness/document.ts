// docs/robustness.md, out of what was seen.
import { type Case, GRADES, type Judgement, type Observation } from './case.ts';

/** One case at one proxy. */
export interface Seen {
  readonly observation: Observation;
  readonly judgement: Judgement;
}

export interface Row {
  readonly one: Case;
  readonly gateway: Seen;
  /** By the peer's name. */
  readonly peers: ReadonlyMap<string, Seen>;
}

/** A row of the second table. */
export interface ScenarioRow {
  readonly name: string;
  readonly sent: string;
  readonly back: string;
  readonly saw: string;
}

export const COMMAND = 'node scripts/run.mjs node test/robustness/table.ts';

const rank = ({ judgement: { grade } }: Seen): number => GRADES.indexOf(grade);

/** The peers that did better than the gateway. */
export function saferPeers({ gateway, peers }: Row): string[] {
  return [...peers].filter(([, seen]) => rank(seen) < rank(gateway)).map(([name]) => name);
}

function outcomeOf(head: string): string {
  const outcome = /^onetime-gateway-outcome: (\w+)/im.exec(head)?.[1];
  return outcome === undefined ? '' : ` ${outcome}`;
}

/** What came back, in a few words. */
export function backOf({ answers, closed }: Observation): string {
  const end = closed ? 'closed' : 'left open';
  if (answers.length === 0) return `no answer, ${end}`;
  const said = answers.map(({ status, head, isWhole }) => {
    if (status === 0) return 'no HTTP';
    return `${status}${outcomeOf(head)}${isWhole ? '' : ' (not whole)'}`;
  });
  return `${said.join(', ')}, ${end}`;
}

export function sawOf({ requests }: Observation): string {
  if (requests.length === 0) return 'nothing';
  return requests.length === 1 ? 'one request' : `${requests.length} requests`;
}

function peerCell(seen: Seen | undefined): string {
  if (seen === undefined) return 'not there';
  const { observation, judgement } = seen;
  const wrong = judgement.grade === 'safe' ? '' : `; **${judgement.grade}**: ${judgement.why}`;
  return `${backOf(observation)}; ${sawOf(observation)}${wrong}`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

function cases(rows: readonly Row[], peers: readonly string[], by: Case['by']): string {
  const heads = ['Case', 'What was sent', 'What came back', 'What the region saw', 'Verdict', ...peers];
  const found = rows.filter(({ one }) => one.by === by);
  return table(
    heads,
    found.map((row) => {
      const { one, gateway } = row;
      const safer = saferPeers(row);
      const { grade, why } = gateway.judgement;
      const verdict =
        (grade === 'safe' ? grade : `**${grade}**: ${why}`) + (safer.length > 0 ? `; safer: ${safer.join(', ')}` : '');
      const own = [one.name, one.sent, backOf(gateway.observation), sawOf(gateway.observation), verdict];
      return [...own, ...peers.map((name) => peerCell(row.peers.get(name)))];
    }),
  );
}

function count(seen: readonly (Seen | undefined)[]): string[] {
  return GRADES.map((grade) => String(seen.filter((each) => each?.judgement.grade === grade).length));
}

function verdict(rows: readonly Row[]): string {
  const safer = rows.filter((row) => saferPeers(row).length > 0);
  if (safer.length === 0) return '**There is no case here in which one of them is safer than the gateway.**';
  const list = safer.map((row) => `- ${row.one.name} (by the ${row.one.by}): ${saferPeers(row).join(', ')}`);
  return `Cases in which one of them is safer than the gateway:\n\n${list.join('\n')}`;
}

/** What the gateway does not do well, whoever does it better. */
function shortcomings(rows: readonly Row[]): string {
  const found = rows.filter(({ gateway }) => gateway.judgement.grade !== 'safe');
  if (found.length === 0) return '';
  const list = found.map(({ one, gateway }) =>
    `- ${one.name}: ${gateway.judgement.why}. ${one.because ?? ''}`.trimEnd(),
  );
  return `\nWhere the gateway itself is not safe by this measure:\n\n${list.join('\n')}\n`;
}

/** @param versions by the peer's name */
export function renderDocument(
  rows: readonly Row[],
  scenarios: readonly ScenarioRow[],
  versions: ReadonlyMap<string, string>,
): string {
  const peers = [...versions.keys()];
  const counts = [
    ['onetime-gateway', ...count(rows.map(({ gateway }) => gateway))],
    ...peers.map((name) => [`${name} ${versions.get(name)}`, ...count(rows.map((row) => row.peers.get(name)))]),
  ];
  return `# What an attack or a fault comes to

Made by \`${COMMAND}\` from the cases of \`test/robustness/\`, which are
tests, too: every row is what was seen when the bytes were sent, at the gateway as a process of its own, before a region that
keeps what it is sent. Do not edit it.

nginx, HAProxy and Caddy stand before the same region, with what their manuals have for a reverse proxy before an API: one
prefix, the address of the client, the same times. They are not told what the API is, so what only a table of routes can
know (a path that the API does not have, HEAD on a secret) they pass on; rules of one's own could teach them some of it.

All are asked the same, case by case (\`test/robustness/judge.ts\`):

- **safe**: what is doubtful reaches no region, and what is broken is told as that, with a whole answer of 5xx. Nothing is
  sent twice, the process lives, the next caller gets its own answer, and no answer names an address behind the proxy.
- **weak**: the request was repaired and sent on, or sent on unseen; a broken answer was cut off in the caller's hands, or
  got no answer.
- **unsafe**: what is doubtful was sent on as it came; a broken answer looks whole; somebody else was harmed.

Much of what is weak here RFC 9112 allows, and some of it other applications need: an absolute target, a lone LF, a body that
the connection ends. Before a call that can be made once, and a secret that one person may see, nobody should have to guess.

${table(['', ...GRADES], counts)}

${verdict(rows)}
${shortcomings(rows)}
"closed" says that the connection ended, "left open" that it had not after four seconds. A word behind a status is
\`Onetime-Gateway-Outcome\`.

## Callers

${cases(rows, peers, 'caller')}

## Regions

Each was sent one \`POST /api/v1/secret/KEY\`, which destroys a secret.

${cases(rows, peers, 'region')}

## What only the gateway does

Accounts, limits, drains, metrics: the others have nothing that these would be asked of.

${table(
  ['Case', 'What was sent', 'What came back', 'What the regions saw'],
  scenarios.map(({ name, sent, back, saw }) => [name, sent, back, saw]),
)}
`;
}
