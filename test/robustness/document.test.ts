// docs/robustness.md: its rows are the cases, what it says of the gateway is what the tests hold the gateway to, and nobody in it
// is safer.
import { describe, expect, it } from 'vitest';
import { rowsOf } from '../support/markdown.ts';
import { type Case, GRADES, type Observation } from './case.ts';
import { CALLERS, CASES, REGIONS } from './cases.ts';
import { type Row, renderDocument, type Seen, saferPeers, toldOf } from './document.ts';
import { isTold } from './judge.ts';
import { KNOWN, NAMED } from './named.ts';
import { PEERS } from './peers.ts';
import { DOCUMENT, gradeOf, ROWS, rankOf } from './read.ts';
import { SCENARIOS } from './scenarios.ts';

const scenarios = SCENARIOS.flatMap((group) => group.scenarios);
function expected({ name, sent, gateway }: Case): string[] {
  const { status, outcome, requests, error, weak } = gateway;
  const answer = status === 0 ? 'no answer' : `${status}${outcome === undefined ? '' : ` ${outcome}`}`;
  const ended = error === undefined ? '' : `, ${error}`;
  const all = Array.from({ length: Math.max(1, requests) }, () => answer).join(', ');
  const saw = ['nothing', 'one request'][requests] ?? `${requests} requests`;
  const grade = weak === undefined ? 'safe' : `**weak**: ${weak}`;
  return [name, sent, `${grade}<br>${all}${ended}<br>${saw}`];
}

it('has a row for each case and each scenario, in order, with what the tests hold the gateway to', () => {
  const told = scenarios.map(({ name, sent, back, saw }) => [name, sent, `safe<br>${back}<br>${saw}`]);
  expect(ROWS.map((cells) => cells.slice(0, 3).map((cell) => cell.replace(/; safer: [^<]*/, '')))).toEqual([
    ...CASES.map(expected),
    ...told,
  ]);
});

it('has each under the heading of its kind', () => {
  const titles = [...CALLERS, ...REGIONS, ...SCENARIOS].map(({ title }) => title);
  expect([...DOCUMENT.matchAll(/^### (.+)$/gm)].map(([, title]) => title)).toEqual(titles);
});

it('has no two of one name', () => {
  const names = [...CASES.map(({ name, by }) => `${by} ${name}`), ...scenarios.map(({ name }) => name)];
  expect(new Set(names).size).toBe(names.length);
});

it('has a grade, or a reason why there is none, in each cell', () => {
  const cells = ROWS.flatMap((row) => row.slice(2));
  expect(cells.filter((cell) => gradeOf(cell) === undefined && !/^does not apply: ./.test(cell))).toEqual([]);
  // A reason may not stand for a proxy that was not looked at.
  expect(cells.filter((cell) => gradeOf(cell) !== undefined).length).toBeGreaterThan(0.9 * cells.length);
});

it('has no case in which a peer is safer than the gateway, but for what is known and said', () => {
  const safer = ROWS.filter(([, , gateway, ...peers]) => peers.some((peer) => rankOf(peer) < rankOf(gateway)));
  expect(safer.map(([name]) => name)).toEqual([...KNOWN]);
  const listed = [...DOCUMENT.matchAll(/^- (.+): (?:(?:nginx|HAProxy|Caddy)(?:, |$))+/gm)].map(([, name]) => name);
  expect(listed).toEqual([...KNOWN]);
  expect(DOCUMENT.includes('There is no case here in which one of them is safer')).toBe(KNOWN.size === 0);
});

it('says where the gateway itself is not safe, and why', () => {
  const told = CASES.flatMap(({ name, gateway: { weak }, because }) =>
    weak === undefined ? [] : [`- ${name}: ${weak}. ${because}`],
  );
  const weak = ROWS.filter(([, , gateway]) => rankOf(gateway) > 0).map(([name]) => name);
  expect(told.map((line) => /^- (.+?): /.exec(line)?.[1])).toEqual(weak);
  for (const line of told) expect(DOCUMENT.split('\n')).toContain(line);
  expect(told.every((line) => !line.includes('undefined'))).toBe(true);
});

it('counts what its rows say, kind by kind and in all', () => {
  const count = (rows: typeof ROWS, column: number): string => {
    const grades = rows.map((row) => gradeOf(row[column]));
    return GRADES.map((grade) => String(grades.filter((each) => each === grade).length)).join(' / ');
  };
  const sizes = [...CALLERS, ...REGIONS].map(({ cases }) => cases.length);
  let from = 0;
  const kinds = [...sizes, ...SCENARIOS.map((group) => group.scenarios.length)].map((size) => {
    from += size;
    return ROWS.slice(from - size, from);
  });
  const told = rowsOf(DOCUMENT).filter((cells) => cells.length === 2 + PEERS.length);
  expect(told.map(([, ...counts]) => counts)).toEqual(
    [...kinds, ROWS].map((rows) => [2, 3, 4, 5].map((column) => count(rows, column))),
  );
});

it.each(Object.entries(NAMED))('has what was asked for: %s', (_asked, names) => {
  const found = ROWS.map(([name]) => name);
  for (const name of names) expect(found).toContain(name);
});

describe('what it is made of', () => {
  const seen = (more: Partial<Observation>): Observation => ({
    answers: [],
    received: '',
    closed: true,
    errors: [],
    requests: ['x'],
    unfinished: [],
    nextIsServed: true,
    lives: true,
    ...more,
  });
  const whole = { status: 502, head: 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0', body: '', isWhole: true };
  const cut = { ...whole, head: 'HTTP/1.1 200 OK\r\nContent-Length: 9', status: 200, isWhole: false };
  const [first] = CASES;
  if (first === undefined) throw new Error('there is no case');
  const one: Case = { ...first, judge: isTold };
  const row = (gateway: Observation, peer: Observation): Row => ({
    name: one.name,
    sent: one.sent,
    gateway: toldOf(one, gateway),
    peers: new Map<string, Seen>([
      ['peer', toldOf(one, peer)],
      ['other', 'it has none'],
    ]),
  });
  const render = (only: Row): string =>
    renderDocument(
      { callers: [{ title: 'All of it', rows: [only] }], regions: [], scenarios: [] },
      new Map([
        ['peer', '1.0'],
        ['other', '2.0'],
      ]),
    );

  it('a peer that does better is named, above and in its row', () => {
    const better = row(seen({ answers: [cut] }), seen({ answers: [whole] }));
    expect(saferPeers(better)).toEqual(['peer']);
    const text = render(better);
    expect(text).toContain(`- ${one.name}: peer`);
    expect(text).toContain('**weak**: cut in the middle; safer: peer<br>200 (not whole)<br>one request');
    expect(text).not.toContain('There is no case here');
  });

  it('a peer that does as well is not', () => {
    const same = row(seen({ answers: [whole] }), seen({ answers: [whole] }));
    expect(saferPeers(same)).toEqual([]);
    expect(render(same)).toContain('There is no case here');
  });

  it('a case that does not apply says why, and is not counted', () => {
    const text = render(row(seen({ answers: [whole] }), seen({ answers: [cut] })));
    expect(text).toContain('| does not apply: it has none |');
    expect(text).toContain('| Safe / weak / unsafe | onetime-gateway | peer 1.0 | other 2.0 |');
    expect(text).toContain('| [All of it](#all-of-it) | 1 / 0 / 0 | 0 / 1 / 0 | 0 / 0 / 0 |');
  });

  it('says what came back and what was seen', () => {
    expect(toldOf(one, seen({ answers: [cut], closed: false })).back).toBe('200 (not whole), left open');
    expect(toldOf(one, seen({})).back).toBe('no answer');
    const saw = [{}, { requests: [] }, { requests: [], unfinished: ['POST'] }, { requests: ['x', 'x'] }];
    expect(saw.map((more) => toldOf(one, seen(more)).saw)).toEqual([
      'one request',
      'nothing',
      'part of a request',
      '2 requests',
    ]);
  });
});
