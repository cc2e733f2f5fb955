// docs/robustness.md: its rows are the cases, and what it says of the gateway is what the tests hold the gateway to.
import { describe, expect, it } from 'vitest';
import { readDocument, rowsOf } from '../support/markdown.ts';
import type { Case, Observation } from './case.ts';
import { CASES } from './cases.ts';
import { backOf, type Row, renderDocument, saferPeers, sawOf } from './document.ts';
import { isTold } from './judge.ts';
import { SCENARIOS } from './scenarios.ts';

const document = readDocument('docs/robustness.md');
const rows = rowsOf(document);
const PEERS = ['nginx', 'HAProxy', 'Caddy'];

function expected({ name, sent, gateway }: Case): string[] {
  const { status, outcome, requests, weak } = gateway;
  const answer = status === 0 ? 'no answer' : `${status}${outcome === undefined ? '' : ` ${outcome}`}`;
  const saw = ['nothing', 'one request'][requests] ?? '';
  return [name, sent, `${answer}, closed`, saw, weak === undefined ? 'safe' : `**weak**: ${weak}`];
}

it('has a row for each case, in order, with what the tests hold the gateway to', () => {
  const found = rows.filter((cells) => cells.length === 5 + PEERS.length);
  const told = found.map((cells) => [...cells.slice(0, 4), cells[4]?.split('; safer: ')[0]]);
  expect(told).toEqual(CASES.map(expected));
});

it('has a row for each scenario, with what the tests hold the gateway to', () => {
  const tail = document.slice(document.indexOf('## What only the gateway does'));
  expect(rowsOf(tail)).toEqual(SCENARIOS.map(({ name, sent, back, saw }) => [name, sent, back, saw]));
});

it('has no two cases of one name', () => {
  const names = CASES.map(({ name, by }) => `${by} ${name}`);
  expect(new Set(names).size).toBe(names.length);
});

it('names each case in which a peer is safer, and no other', () => {
  const safer = rows.filter((cells) => cells[4]?.includes('; safer: ')).map(([name]) => name);
  const listed = [...document.matchAll(/^- (.+) \(by the (?:caller|region)\): /gm)].map(([, name]) => name);
  expect(listed).toEqual(safer);
  expect(document.includes('There is no case here')).toBe(safer.length === 0);
});

it('says where the gateway itself is not safe, and why', () => {
  const told = CASES.flatMap(({ name, gateway: { weak }, because }) =>
    weak === undefined ? [] : [`- ${name}: ${weak}. ${because}`],
  );
  for (const line of told) expect(document.split('\n')).toContain(line);
  expect(told.every((line) => !line.includes('undefined'))).toBe(true);
});

describe('what it is made of', () => {
  const seen = (more: Partial<Observation>): Observation => ({
    answers: [],
    received: '',
    closed: true,
    requests: ['x'],
    nextIsServed: true,
    lives: true,
    ...more,
  });
  const whole = { status: 502, head: 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0', body: '', isWhole: true };
  const cut = { ...whole, head: 'HTTP/1.1 200 OK\r\nContent-Length: 9', status: 200, isWhole: false };
  const [one] = CASES;
  if (one === undefined) throw new Error('there is no case');
  const row = (gateway: Observation, peer: Observation): Row => ({
    one,
    gateway: { observation: gateway, judgement: isTold(gateway) },
    peers: new Map([['peer', { observation: peer, judgement: isTold(peer) }]]),
  });

  it('a peer that does better is named, above and in its row', () => {
    const better = row(seen({ answers: [cut] }), seen({ answers: [whole] }));
    expect(saferPeers(better)).toEqual(['peer']);
    const text = renderDocument([better], [], new Map([['peer', '1.0']]));
    expect(text).toContain(`- ${one.name} (by the ${one.by}): peer`);
    expect(text).toContain('**weak**: cut in the middle; safer: peer');
    expect(text).not.toContain('There is no case here');
  });

  it('a peer that does as well is not', () => {
    expect(saferPeers(row(seen({ answers: [whole] }), seen({ answers: [whole] })))).toEqual([]);
  });

  it.each([
    ['the process ended', { lives: false }],
    ['the next caller did not get its own answer', { nextIsServed: false }],
    ['sent 2 times', { requests: ['x', 'x'] }],
    ['an address or a stack in the answer', { received: 'connect ECONNREFUSED 127.0.0.1:1' }],
    ['two answers to one request', { answers: [whole, whole] }],
    ['looks like a whole answer', { answers: [{ ...cut, isWhole: true }] }],
    ['passed on what is no HTTP', { answers: [{ ...cut, status: 0 }] }],
  ])('%s is unsafe', (why, more) => {
    expect(isTold(seen({ answers: [whole], ...more }))).toEqual({ grade: 'unsafe', why });
  });

  it('says what came back and what was seen', () => {
    expect(backOf(seen({ answers: [cut], closed: false }))).toBe('200 (not whole), left open');
    expect(backOf(seen({}))).toBe('no answer, closed');
    expect([sawOf(seen({})), sawOf(seen({ requests: [] }))]).toEqual(['one request', 'nothing']);
  });
});
