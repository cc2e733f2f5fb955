// The judge: what it calls safe has to be safe, and it has to say so of everybody alike.
import { describe, expect, it } from 'vitest';
import type { Answer } from './answers.ts';
import type { Observation } from './case.ts';
import { FOLLOWING, isCleaned, isLetGo, isNotRead, isPassed, isRefused, isServed, isTold, keeps } from './judge.ts';

const seen = (more: Partial<Observation>): Observation => ({
  answers: [],
  received: '',
  closed: true,
  errors: [],
  requests: [],
  unfinished: [],
  nextIsServed: true,
  lives: true,
  ...more,
});
const answer = (status: number, isWhole = true): Answer => ({
  status,
  head: `HTTP/1.1 ${status} x\r\nContent-Length: 2`,
  body: '{}',
  isWhole,
});
const REQUEST = 'GET /odd HTTP/1.1\r\n\r\n';

describe('what may not pass', () => {
  it.each<[string, Partial<Observation>, string]>([
    ['was refused', { answers: [answer(400)] }, 'safe'],
    ['got no answer, and went nowhere', {}, 'safe'],
    ['was sent on', { answers: [answer(200)], requests: [REQUEST] }, 'weak'],
    ['was sent on, though it was refused', { answers: [answer(400)], requests: [REQUEST] }, 'weak'],
    ['was begun to be sent', { answers: [answer(400)], unfinished: ['POST'] }, 'weak'],
    ['was answered as if it were good', { answers: [answer(200)] }, 'weak'],
    [
      'was refused, and what came behind it served',
      { answers: [answer(400), answer(200)], requests: [FOLLOWING] },
      'safe',
    ],
    ['was swallowed with what came behind it', { answers: [answer(200)], requests: [REQUEST + FOLLOWING] }, 'weak'],
    ['was sent on as it came', { answers: [answer(200)], requests: ['GET /%2e HTTP/1.1\r\n\r\n'] }, 'unsafe'],
    ['was begun to be sent as it came', { unfinished: ['GET /%2e HTTP/1.1\r\n'] }, 'unsafe'],
    ['was sent three times', { requests: [REQUEST, REQUEST, REQUEST] }, 'unsafe'],
  ])('%s', (_what, more, grade) => {
    expect(isRefused(/%2e/)(seen(more)).grade).toBe(grade);
  });

  it('is weak where its end is in doubt, and what came behind it was believed', () => {
    const more = { answers: [answer(400), answer(200)], requests: [FOLLOWING] };
    expect(isRefused(undefined, 'doubtful')(seen(more))).toEqual({
      grade: 'weak',
      why: 'what came behind it was believed',
    });
  });

  it('is weak where a slow caller is still held, whatever it was told', () => {
    expect(isLetGo(seen({ answers: [answer(408)] })).grade).toBe('safe');
    expect(isLetGo(seen({ closed: false })).grade).toBe('weak');
    expect(isLetGo(seen({ unfinished: ['POST'] })).grade).toBe('weak');
  });
});

it('what has to reach the region as it was said is unsafe without it', () => {
  expect(keeps(/a: 1/, 'lost')(seen({ requests: ['a: 1'] })).grade).toBe('safe');
  expect(keeps(/a: 1/, 'lost')(seen({ requests: ['b: 1'] })).grade).toBe('unsafe');
});

it('what may not reach the region is unsafe when it does', () => {
  expect(isCleaned(/a: 1/)(seen({ requests: ['b: 1'] })).grade).toBe('safe');
  expect(isCleaned(/a: 1/)(seen({ requests: ['a: 1'] })).grade).toBe('unsafe');
});

it('an honest request that is not served is weak', () => {
  expect(isServed(seen({ answers: [answer(200)], requests: ['x'] })).grade).toBe('safe');
  expect(isServed(seen({ answers: [answer(200, false)], requests: ['x'] })).grade).toBe('weak');
  expect(isServed(seen({ answers: [answer(408)] })).grade).toBe('weak');
});

describe('a broken answer', () => {
  it.each<[string, Partial<Observation>, string]>([
    ['was told', { answers: [answer(502)] }, 'safe'],
    ['was told, not as a whole', { answers: [answer(502, false)] }, 'weak'],
    ['got no answer', {}, 'weak'],
    ['was cut', { answers: [answer(200, false)] }, 'weak'],
    ['looks whole', { answers: [answer(200)] }, 'unsafe'],
    ['is no HTTP', { answers: [answer(0, false)] }, 'unsafe'],
    ['became two', { answers: [answer(502), answer(502)] }, 'unsafe'],
    ['was asked for twice', { answers: [answer(502)], requests: ['x', 'x'] }, 'unsafe'],
    ['ended the process', { answers: [answer(502)], lives: false }, 'unsafe'],
    ['spoiled the next call', { answers: [answer(502)], nextIsServed: false }, 'unsafe'],
    ['told an address', { answers: [answer(502)], received: 'connect ECONNREFUSED 127.0.0.1:1' }, 'unsafe'],
  ])('%s', (_what, more, grade) => {
    expect(isTold(seen(more)).grade).toBe(grade);
  });

  it('that can be read in two ways is weak when it was repaired, unsafe when it was passed on', () => {
    const passed = { answers: [answer(200)], received: 'X-A: a\rb' };
    expect(isNotRead(/a\rb/)(seen(passed)).grade).toBe('unsafe');
    expect(isNotRead(/a\rb/)(seen({ ...passed, received: 'X-A: a b' })).grade).toBe('weak');
    expect(isNotRead(/a\rb/)(seen({ answers: [answer(502)] })).grade).toBe('safe');
  });
});

describe('an odd answer that can be read', () => {
  it.each<[string, Partial<Observation>, string]>([
    ['crosses', { answers: [answer(200)], received: 'keep' }, 'safe'],
    ['crosses with what may not cross', { answers: [answer(200)], received: 'keep drop' }, 'unsafe'],
    ['crosses without what it needs', { answers: [answer(200)] }, 'weak'],
    ['crosses as another', { answers: [answer(204)], received: 'keep' }, 'unsafe'],
    ['is lost, and that is told', { answers: [answer(502)] }, 'weak'],
    ['is lost, and nothing told', {}, 'weak'],
  ])('%s', (_what, more, grade) => {
    const judge = isPassed(200, { has: { found: /keep/, else: 'lost' }, lacks: /drop/ });
    expect(judge(seen(more)).grade).toBe(grade);
  });
});
