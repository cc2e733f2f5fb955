// docs/robustness.md: its rows are the cases, what it says of the gateway is what the tests hold the gateway to, and nobody in it
// is safer.
import { describe, expect, it } from 'vitest';
import { rowsOf } from '../support/markdown.ts';
import { type Case, GRADES, type Observation } from './case.ts';
import { CALLERS, CASES, REGIONS } from './cases.ts';
import { type Row, renderDocument, type Seen, saferPeers, toldOf } from './document.ts';
import { isTold } from './judge.ts';
import { NAMED } from './named.ts';
import { PEERS } from './peers.ts';
import { DOCUMENT, gradeOf, ROWS, rankOf } from './read.ts';
import { SCENARIOS } from './scenarios.ts';

const scenarios = SCENARIOS.flatMap((group) => group.scenarios);
function expected({ name, sent, gateway }: Case): string[] {
  const { status, outcome, requests, error } = gateway;
  const answer = status === 0 ? 'no answer' : `${status}${outcome === undefined ? '' : ` ${outcome}`}`;
  const ended = error === undefined ? '' : `, ${error}`;
  const saw = ['nothing', 'one request'][requests] ?? '';
  return [name, sent, `safe<br>${answer}${ended}<br>${saw}`];
}

it('has a row for each case and each scenario, in order, with what the tests hold the gateway to', () => {
  const told = scenarios.map(({ name, sent, back, saw }) => [name, sent, `safe<br>${back}<br>${saw}`]);
  expect(ROWS.map((cells) => cells.slice(0, 3))).toEqual([...CASES.map(expected), ...told]);
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

it('has no case in which a peer is safer than the gateway', () => {
  const safer = ROWS.filter(([, , gateway, ...peers]) => peers.some((peer) => rankOf(peer) < rankOf(gateway)));
  expect(safer.map(([name]) => name)).toEqual([]);
  expect(DOCUMENT).toContain('There is no case here in which one of them is safer');
});

it('counts what its rows say', () => {
  const counted = [2, 3, 4, 5].map((column) => {
    const grades = ROWS.map((row) => gradeOf(row[column]));
    return [...GRADES, undefined].map((grade) => String(grades.filter((each) => each === grade).length));
  });
  const told = rowsOf(DOCUMENT).filter((cells) => cells.length === 5);
  expect(told.map(([, ...counts]) => counts)).toEqual(counted);
  expect(told.map(([name]) => name?.split(' ')[0])).toEqual(['onetime-gateway', ...PEERS.map(({ name }) => name)]);
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
      { callers: [{ title: 'All', rows: [only] }], regions: [], scenarios: [] },
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

  it('a case that does not apply says why, and is counted apart', () => {
    const text = render(row(seen({ answers: [whole] }), seen({ answers: [cut] })));
    expect(text).toContain('| does not apply: it has none |');
    expect(text).toContain('| peer 1.0 | 0 | 1 | 0 | 0 |\n| other 2.0 | 0 | 0 | 0 | 1 |');
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
