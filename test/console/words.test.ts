// What the page says, without a browser: numbers, times, troubles, the journey of an explanation, records of the audit.
import { describe, expect, it } from 'vitest';
import { type Filter, passes, sentence } from '../../src/console/page/audit-record.ts';
import {
  ago,
  bytes,
  duration,
  listing,
  moment,
  percent,
  perSecond,
  plural,
  span,
} from '../../src/console/page/format.ts';
import { stationsOf, verdictOf } from '../../src/console/page/journey.ts';
import { createEventParser } from '../../src/console/page/sse.ts';
import { troublesOf } from '../../src/console/page/troubles.ts';
import type { LiveState } from '../../src/listener/admin-live-types.ts';
import { goodState } from './stand-in.ts';

/** With plain spaces, which are easier to compare. */
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

describe('numbers and times', () => {
  it.each([
    [perSecond(0), '0 /s'],
    [perSecond(0.25), '0.25 /s'],
    [perSecond(1234.5), '1,235 /s'],
    [duration(null), '–'],
    [duration(4.25), '4.25 ms'],
    [duration(1500), '1.50 s'],
    [duration(90_000), '1 min 30 s'],
    [percent(0.004), '0.4 %'],
    [percent(1), '100 %'],
    [bytes(1023), '1,023 B'],
    [bytes(1_572_864), '1.50 MiB'],
    [span(0), '0 s'],
    [span(93_784), '1 d 2 h'],
    [span(3605), '1 h'],
    [plural(1, 'record'), '1 record'],
    [plural(2000, 'record'), '2,000 records'],
    [listing(['us', 'eu', 'ca']), 'us, eu and ca'],
    [moment('2026-11-26T06:21:43.120Z'), '2026-11-26 06:21:43 UTC'],
    [moment('no time'), '–'],
    [ago('2026-11-26T06:21:43.000Z', Date.parse('2026-11-26T06:23:00.000Z')), '1 min 17 s ago'],
    [ago('2026-11-26T06:21:43.000Z', Date.parse('2026-11-26T06:21:40.000Z')), 'just now'],
  ])('%s', (said, expected) => {
    expect(plain(said)).toBe(expected);
  });
});

describe('server-sent events', () => {
  it('are given when they are whole, however they are cut, and comments are none', () => {
    const text =
      'retry: 2000\n\n: still here\n\nevent: state\r\ndata: {"a":\r\ndata: 1}\r\n\r\nevent: state\ndata: 2\n\nevent: st';
    for (let at = 0; at <= text.length; at += 1) {
      const parser = createEventParser();
      const events = [...parser.take(text.slice(0, at)), ...parser.take(text.slice(at))];
      expect(events, `cut at ${at}`).toEqual([
        { event: 'state', data: '{"a":\n1}' },
        { event: 'state', data: '2' },
      ]);
    }
  });

  it('without an end are given up, before they fill the memory', () => {
    const parser = createEventParser();
    expect(() => {
      for (let i = 0; i < 10; i += 1) parser.take('x'.repeat(1_000_000));
    }).toThrow('without an end');
  });
});

describe('troubles', () => {
  const says = (change: Partial<LiveState>, connection: 'open' | 'lost' = 'open'): string[] =>
    troublesOf({ connection, problem: undefined, state: goodState(change) }).map(
      ({ level, says: sentenceOf }) => `${level}: ${plain(sentenceOf)}`,
    );
  const eu = (change: Partial<LiveState['regions'][number]>): Partial<LiveState> => ({
    regions: goodState().regions.map((region) => (region.name === 'eu' ? { ...region, ...change } : region)),
  });
  const overload = (
    pressure: LiveState['overload']['pressure'],
    anonymous: number,
    authenticated = 0,
  ): Partial<LiveState> => ({
    overload: { ...goodState().overload, pressure, refused: { anonymous, authenticated } },
  });
  const audit = {
    file: 'a',
    sequence: 1,
    written: {},
    lost: 0,
    failing: false,
    failures: 0,
    headAgeMs: 0,
    head: null,
    bytes: 0,
  };
  const report = { at: 'x', actor: 'file', changed: [], needsRestart: [], problems: [] };

  it('are none when all is well', () => {
    expect(says({})).toEqual([]);
  });

  it.each<[string, Partial<LiveState>, RegExp]>([
    ['a pin violation', { violations: 2 }, /^bad: 2 requests of a pinned account were stopped/],
    [
      'an audit that cannot be written',
      { audit: { ...audit, failing: true } },
      /^bad: The audit log cannot be written/,
    ],
    ['lost records', { audit: { ...audit, lost: 1 } }, /^warn: 1 audit record could not be written and is lost/],
    ['a region that does not answer', eu({ up: false }), /^bad: Region eu is down: it does not answer/],
    ['an open breaker', eu({ breaker: 'open' }), /^bad: Region eu is down: it has failed too often/],
    ['a drained region, whatever else it is', eu({ drained: true, up: false }), /^warn: Region eu was taken out/],
    ['answers that never came', eu({ outcomes: { delivered: 1, unknown: 0.5, not_sent: 0 } }), /^warn: .*0\.50 \/s/],
    [
      'a region whose proxy is away',
      eu({ breaker: 'open', proxyFault: 'unreachable' }),
      /^bad: Region eu is down: its egress proxy cannot be reached\. The region itself may be well\.$/,
    ],
    [
      'a region that its proxy cannot reach',
      eu({ up: false, proxyFault: 'no_route' }),
      /^bad: Region eu is down: its egress proxy cannot reach it\.$/,
    ],
    [
      'a full line',
      eu({ turnedAway: { full: 1.5, share: 0, late: 1 } }),
      /^warn: Calls to region eu get no connection \(2\.50 \/s\)/,
    ],
    [
      'callers who find no place',
      {
        overload: {
          ...goodState().overload,
          connections: { open: 10_000, refused: { all: 2, address: 5 }, reclaimed: 1 },
        },
      },
      /^bad: Callers get no connection to the gateway \(2\.00 \/s\)/,
    ],
    [
      'a gateway that has no time for some',
      overload({ event_loop: 1.2, heap: 0.4 }, 3),
      /^warn: The gateway turns calls without credentials away \(3\.00 \/s\): its event loop is late\.$/,
    ],
    [
      'a gateway that has no memory for anybody',
      overload({ event_loop: 0.1, heap: 0.4, memory: 1.1 }, 3, 1),
      /^bad: The gateway turns calls away \(4\.00 \/s\): its memory is used up\.$/,
    ],
    ['a budget that is nearly used up', eu({ budgetUsed: 0.8 }), /^warn: Anonymous retrieval from eu/],
    ['a store that is away', { store: { engine: 'valkey', up: false }, moves: null }, /^bad: The store is away/],
    ['a directory that does not answer', { moves: null }, /^warn: The directory of accounts does not answer/],
    [
      'a refused reload',
      { reload: { appliedAt: 'x', last: { ...report, result: 'refused' } } },
      /^warn: .*not reloaded/,
    ],
    [
      'a reload of what needs a restart',
      { reload: { appliedAt: 'x', last: { ...report, result: 'refused', needsRestart: ['listen.port', 'store'] } } },
      /^warn: .*not reloaded: listen\.port and store can change with a restart only/,
    ],
    ['no thread that answers', { workers: { listening: 0, restarts: 3 } }, /^bad: No thread/],
  ])('tell of %s, once', (_what, change, expected) => {
    expect(says(change)).toEqual([expect.stringMatching(expected)]);
  });

  it('are none of a proxy that failed once, and of calls that shadow would have turned away', () => {
    expect(says(eu({ proxyFault: 'closed' }))).toEqual([]);
    expect(says({ overload: { ...goodState().overload, shadow: { anonymous: 9, authenticated: 9 } } })).toEqual([]);
  });

  it('tell of a lost connection first, and what is bad before what is not good', () => {
    const [first, ...rest] = says({ ...eu({ drained: true }), violations: 1 }, 'lost');
    expect(first).toMatch(/^bad: The connection to the gateway is lost/);
    expect(rest.map((line) => line.split(':')[0])).toEqual(['bad', 'warn']);
  });
});

describe('the journey', () => {
  const question = { method: 'GET', path: '/api/v1/private/recent', user: 'ann@corp.example' };
  const permit = {
    route: 'v1.private.recent',
    access: 'private',
    effect: 'none',
    steps: [
      { rule: 1, says: 'the request names no region' },
      { rule: 3, says: 'the account lives in us, pinned' },
      { rule: 6, says: 'no region is named: the account’s home, us' },
    ],
    decision: 'permit' as const,
    region: 'us',
    reason: 'account_home',
    credentials: 'forward',
    verify_at: 'us',
    refusal: null,
  };
  const refused = (code: string, change: object = {}) => ({
    ...permit,
    ...change,
    decision: 'refusal' as const,
    region: null,
    reason: null,
    credentials: null,
    verify_at: null,
    refusal: { code, status: 403, message: 'No.', hint: null },
  });
  const states = (explained: Parameters<typeof stationsOf>[0]): string =>
    stationsOf(explained, question)
      .map(({ name, state }) => `${name} ${state}`)
      .join(', ');

  it('of a permit passes every station, and finds each rule where it is asked', () => {
    const stations = stationsOf(permit, question);
    expect(states(permit)).toBe(
      'classify passed, identify passed, admit not_asked, locate passed, decide passed, verify passed, forward passed',
    );
    expect(stations[3]?.says).toEqual(['Rule 3: the account lives in us, pinned.']);
    expect(stations[4]?.says[0]).toBe('Rule 1: the request names no region.');
    expect(verdictOf(permit)).toBe('Sent to us: the account lives there.');
  });

  it.each([
    [refused('path_malformed', { route: null, steps: [] }), 'classify'],
    [refused('credentials_malformed', { route: null, steps: [] }), 'identify'],
    [refused('directory_unavailable'), 'locate'],
    [refused('region_not_allowed'), 'decide'],
    [refused('region_drained'), 'forward'],
  ])('of a refusal ends where it was refused', (explained, station) => {
    const stations = stationsOf(explained, question);
    const stop = stations.findIndex(({ state }) => state === 'stopped');
    expect(stations[stop]).toMatchObject({ name: station, says: expect.arrayContaining(['No.']) });
    expect(stations.slice(stop + 1).every(({ state, says }) => state === 'not_reached' && says.length === 0)).toBe(
      true,
    );
  });

  it('of what is answered here sends nothing', () => {
    const here = {
      ...permit,
      decision: 'answered_here' as const,
      region: null,
      reason: 'answered_here',
      verify_at: null,
    };
    expect(stationsOf(here, question).at(-1)).toMatchObject({ state: 'not_reached', says: ['Nothing is sent.'] });
    expect(verdictOf(here)).toContain('No region is asked');
  });
});

describe('records of the audit', () => {
  const record = { seq: 7, prev: '', time: '', kind: 'request', route: 'v1.share', region: 'eu', outcome: 'delivered' };

  it.each([
    [{ ...record, status: 200, sent: 420 }, 'v1.share: 200, 420 B'],
    [{ ...record, status: 403, refusal: 'region_not_allowed', sent: 0 }, 'v1.share: 403 region_not_allowed'],
    [{ ...record, status: null }, 'v1.share: caller gone'],
    [{ ...record, kind: 'gap', lost: 12 }, '12 records before this one could not be written'],
    [{ ...record, kind: 'directory', what: 'account_moved', actor: 'cli:root' }, 'account_moved, by cli:root'],
    [{ ...record, kind: 'something_new' }, 'something_new'],
  ])('are said in a sentence', (given, expected) => {
    expect(plain(sentence(given))).toBe(expected);
  });

  it.each<[Filter, boolean]>([
    [{ kind: '', region: '', outcome: '' }, true],
    [{ kind: 'request', region: 'eu', outcome: 'delivered' }, true],
    [{ kind: '', region: 'us', outcome: '' }, false],
    [{ kind: '', region: '', outcome: 'none' }, false],
    [{ kind: 'head', region: '', outcome: '' }, false],
  ])('pass a filter %j: %s', (filter, passed) => {
    expect(passes(record, filter)).toBe(passed);
  });
});
