// What of a request is written, at which level, and what is counted whatever is written.
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { type AccessLogOptions, beginTrip, createRecord, type Trip } from '../../src/record/record.ts';
import { ROUTES } from '../../src/route/table.ts';

const STARTED_MS = 1000;
const ROUTE = ROUTES.find(({ id }) => id === 'v1.status');
const COUNT = 400;

function openRecord(options?: Partial<AccessLogOptions>, level = 'info') {
  const lines: Record<string, unknown>[] = [];
  const counted: string[] = [];
  const count = (name: string) => () => void counted.push(name);
  const log = pino({ level }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const metrics = {
    ended: count('ended'),
    refused: count('refused'),
    limited: count('limited'),
    decided: count('decided'),
  };
  const all = options && { sample: 1, slowMs: 1000, client: undefined, ...options };
  return { log, lines, counted, record: createRecord(metrics, log, all) };
}

/** A good one, but for `facts`. */
function tripOf(facts: Partial<Trip> = {}): Trip {
  const trip = beginTrip(randomUUID(), 'GET', STARTED_MS, 50);
  return Object.assign(trip, { route: ROUTE, status: 200, outcome: 'delivered', reason: 'answered_here', ...facts });
}

const trips = (facts?: Partial<Trip>): Trip[] => Array.from({ length: COUNT }, () => tripOf(facts));

describe('a line', () => {
  it('says what the journey learned: hashes short, times in tenths of milliseconds', () => {
    const { record, lines } = openRecord({ client: (address) => `<${address}>` });
    const trip = tripOf({
      account: '00112233445566778899aabbccddeeff',
      client: '192.0.2.7',
      trace: { id: '4bf92f3577b34da6a3ce929d0e0e4736', headers: [] },
      upstream: 'us.example:8443',
      upstreamMs: 10.04,
      receivedBytes: 120,
      sentBytes: 345,
    });
    record(trip, true, STARTED_MS + 12.26);
    expect(lines).toEqual([
      {
        level: 30,
        time: expect.any(Number),
        pid: process.pid,
        hostname: expect.any(String),
        request_id: trip.requestId,
        trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
        method: 'GET',
        route: 'v1.status',
        account: '0011223344556677',
        client: '<192.0.2.7>',
        reason: 'answered_here',
        upstream: 'us.example:8443',
        upstream_ms: 10,
        outcome: 'delivered',
        status: 200,
        duration_ms: 12.3,
        request_bytes: 120,
        response_bytes: 345,
        msg: 'answered',
      },
    ]);
  });

  it('says nothing of the client where that is not asked for, or nobody knows it', () => {
    const silent = openRecord();
    silent.record(tripOf({ client: '192.0.2.7' }), true, STARTED_MS);
    const asked = openRecord({ client: (address) => address });
    asked.record(tripOf({ client: undefined }), true, STARTED_MS);
    asked.record(tripOf({ client: '' }), true, STARTED_MS);
    for (const line of [...silent.lines, ...asked.lines]) expect(line).not.toHaveProperty('client');
    expect([silent.lines.length, asked.lines.length]).toEqual([1, 2]);
  });

  it('of a method that somebody made up says other', () => {
    const { record, lines } = openRecord();
    record({ ...tripOf(), method: 'EVIL"\n' }, true, STARTED_MS);
    expect(lines[0]).toMatchObject({ method: 'other' });
  });

  it.each([
    ['info', {}, 30],
    ['warn', { cause: Object.assign(new Error('s3cret'), { code: 'ECONNRESET' }), refusal: 'region_failed' }, 40],
    ['error', { cause: new Error('s3cret'), refusal: 'internal_error' }, 50],
  ] as const)('is of level %s for %o', (_, facts, level) => {
    const { record, lines } = openRecord();
    record(tripOf(facts), true, STARTED_MS);
    expect(lines).toMatchObject([{ level, route: 'v1.status', request_bytes: 0 }]);
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  });

  it('follows the level while the gateway runs', () => {
    const { record, lines, log } = openRecord({}, 'warn');
    record(tripOf(), true, STARTED_MS);
    log.level = 'info';
    record(tripOf(), true, STARTED_MS);
    log.level = 'silent';
    record(tripOf({ refusal: 'internal_error', cause: new Error('x') }), true, STARTED_MS);
    expect(lines).toHaveLength(1);
  });
});

describe('of a share', () => {
  it('is said in the line; what is written anyway stands for itself', () => {
    const { record, lines } = openRecord({ sample: 0.5 });
    for (const trip of trips()) record(trip, true, STARTED_MS + 1);
    expect(lines.length).toBeGreaterThan(COUNT / 4);
    expect(lines.length).toBeLessThan((COUNT * 3) / 4);
    expect(new Set(lines.map(({ sample }) => sample))).toEqual(new Set([0.5]));
    lines.length = 0;
    record(tripOf({ status: 404 }), true, STARTED_MS + 1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toHaveProperty('sample');
  });

  it('all of them are written, and none says so, without sampling', () => {
    for (const options of [undefined, { sample: 1 }]) {
      const { record, lines } = openRecord(options);
      for (const trip of trips()) record(trip, true, STARTED_MS + 1);
      expect(lines).toHaveLength(COUNT);
      expect(lines.filter((line) => 'sample' in line)).toEqual([]);
    }
  });

  it('the same requests are chosen by every gateway', () => {
    const chosen = [openRecord({ sample: 0.3 }), openRecord({ sample: 0.3 })];
    for (const trip of trips()) for (const { record } of chosen) record(trip, true, STARTED_MS + 1);
    const [one, other] = chosen.map(({ lines }) => lines.map(({ request_id }) => request_id));
    expect(one).toEqual(other);
    expect(one?.length).toBeGreaterThan(0);
  });

  it.each<[string, Partial<Trip>, boolean, number]>([
    ['a refusal', { refusal: 'rate_limited', limit: 'per-key', status: 429 }, true, 1],
    ['an error of the region', { status: 500 }, true, 1],
    ['a failure', { cause: new Error('x'), refusal: 'region_failed', status: 502 }, true, 1],
    ['an unknown outcome', { outcome: 'unknown' }, true, 1],
    ['a caller that is gone', {}, false, 1],
    ['a slow one', {}, true, 1000],
  ])('of 0 %s is written all the same, always', (_, facts, delivered, durationMs) => {
    const { record, lines } = openRecord({ sample: 0 });
    for (const trip of trips(facts)) record(trip, delivered, STARTED_MS + durationMs);
    expect(lines).toHaveLength(COUNT);
  });

  it('of 0 the good ones are counted, and leave no line', () => {
    const { record, lines, counted } = openRecord({ sample: 0 });
    for (const trip of trips()) record(trip, true, STARTED_MS + 1);
    expect(lines).toEqual([]);
    expect(counted.filter((name) => name === 'ended')).toHaveLength(COUNT);
    expect(counted.filter((name) => name === 'decided')).toHaveLength(COUNT);
  });
});
