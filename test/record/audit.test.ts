// The lines that are put together by hand: the same as JSON has them, for any facts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditKind } from '../../src/audit/record.ts';
import type { Locality, RegionName, Standing } from '../../src/domain.ts';
import { REASONS } from '../../src/domain.ts';
import { createAudit, unrecorded } from '../../src/record/audit.ts';
import { beginTrip, type Trip } from '../../src/record/record.ts';
import { REFUSAL_CODES } from '../../src/refusal.ts';
import { LINK, PASSTHROUGH, ROUTES } from '../../src/route/table.ts';

const EPOCH = 12;
const HASH = '9c5cb3bf5846598b7fb79263390d9a81';
const EU = 'eu' as RegionName;

function recorder() {
  const said: { kind: AuditKind; inside: string }[] = [];
  let ended = 0;
  const sink = { append: (kind: AuditKind, inside: string) => said.push({ kind, inside }), ends: () => void ended++ };
  return { audit: createAudit(sink, () => EPOCH), said, ended: () => ended };
}

const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });
const region = fc.constantFrom('us', 'eu', 'ap-south-1').map((name) => name as RegionName);
const hex = (digits: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
const locality: fc.Arbitrary<Locality> = fc.record({ home: region, also: fc.array(region), pinned: fc.boolean() });
const standing: fc.Arbitrary<Standing | undefined> = optional(
  fc.oneof(locality, fc.constantFrom('nobody', 'unknown', 'admitted', 'untold')),
);
const upstream = fc.constantFrom('eu.example:443', '127.0.0.1:8080', '[::1]:7443');
const outcome = fc.constantFrom('not_sent', 'unknown', 'delivered');

const trips: fc.Arbitrary<Trip> = fc
  .record({
    route: optional(fc.constantFrom(...ROUTES, LINK, PASSTHROUGH)),
    account: optional(hex(32)),
    standing,
    region: optional(region),
    upstream: optional(upstream),
    certificate: optional(hex(64)),
    reason: optional(fc.constantFrom(...REASONS)),
    refusal: optional(fc.constantFrom(...REFUSAL_CODES)),
    status: fc.integer({ min: 101, max: 599 }),
    outcome: optional(outcome),
    epoch: fc.nat(),
    receivedBytes: fc.nat(),
    sentBytes: fc.nat(),
  })
  .chain((facts) => fc.uuid().map((id) => ({ ...beginTrip(id, 'POST', 0, 0), ...facts })));

const homeOf = (found: Standing | undefined) => (typeof found === 'object' ? found : undefined);

describe('a request', () => {
  it('is the line that JSON makes of the same facts, with null for what there is none of', () => {
    fc.assert(
      fc.property(trips, fc.boolean(), (trip, delivered) => {
        const { audit, said, ended } = recorder();
        audit.request(trip, delivered);
        const lives = homeOf(trip.standing);
        const expected = {
          request: trip.requestId,
          route: trip.route?.id ?? 'none',
          effect: trip.route?.effect ?? 'none',
          account: trip.account ?? null,
          pinned: lives?.pinned ?? null,
          home: lives?.home ?? null,
          region: trip.region ?? null,
          upstream: trip.upstream ?? null,
          certificate: trip.certificate ?? null,
          reason: trip.reason ?? null,
          refusal: trip.refusal ?? null,
          status: delivered ? trip.status : null,
          outcome: trip.outcome ?? null,
          epoch: trip.epoch,
          received: trip.receivedBytes,
          sent: trip.sentBytes,
        };
        expect(said).toEqual([{ kind: 'request', inside: JSON.stringify(expected).slice(1, -1) }]);
        expect(ended()).toBe(1);
      }),
    );
  });
});

it('a verification is the line that JSON makes of the same facts', () => {
  fc.assert(
    fc.property(region, outcome, trips, (to, became, trip) => {
      const { audit, said, ended } = recorder();
      audit.verify(to, became, { ...trip, requestId: undefined });
      const lives = homeOf(trip.standing);
      const expected = {
        account: trip.account ?? null,
        pinned: lives?.pinned ?? null,
        home: lives?.home ?? null,
        region: to,
        upstream: trip.upstream ?? null,
        certificate: trip.certificate ?? null,
        outcome: became,
        epoch: EPOCH,
      };
      expect(said).toEqual([{ kind: 'verify', inside: JSON.stringify(expected).slice(1, -1) }]);
      // It is part of a request, which is not over.
      expect(ended()).toBe(0);
    }),
  );
});

it('a violation is told with whatever decide took for a region, as text that stays within its quotes', () => {
  const { audit, said } = recorder();
  const facts = { requestId: 'id', account: HASH, upstream: undefined, certificate: undefined };
  const standing: Locality = { home: EU, also: [], pinned: true };
  for (const odd of ['us', 'x","kind":"head', 'line\nbreak', '’'] as RegionName[]) {
    audit.violation('not a region of this gateway', odd, { ...facts, standing });
    const record = JSON.parse(`{${said.at(-1)?.inside}}`);
    expect(record).toEqual({
      problem: 'not a region of this gateway',
      region: odd,
      request: 'id',
      account: HASH,
      pinned: true,
      home: 'eu',
    });
    expect(said.at(-1)?.inside).not.toContain('\n');
  }
});

it('a violation is told in a bounded line', () => {
  const { audit, said } = recorder();
  const facts = {
    requestId: 'id',
    account: HASH,
    standing: 'unknown',
    upstream: undefined,
    certificate: undefined,
  } as const;
  audit.violation('not a region of this gateway', '"'.repeat(16_000) as RegionName, facts);
  expect(said.at(-1)?.inside.length).toBeLessThan(500);
});

it('a change of the directory, a reload and what was never recorded are JSON too', () => {
  const { audit, said } = recorder();
  audit.directory({ what: 'moved', account: HASH, actor: 'cli:"o\'neill"', detail: 'us -> eu', epoch: 3 });
  audit.directory({ what: 'imported', account: undefined, actor: 'token:x', detail: '3 added', epoch: 4 });
  audit.reload({ result: 'applied', actor: 'signal', changed: ['log.level'], digest: 'ab' });
  const records = said.map(({ kind, inside }) => ({ kind, ...JSON.parse(`{${inside}}`) }));
  expect(records).toEqual([
    { kind: 'directory', what: 'moved', account: HASH, actor: 'cli:"o\'neill"', detail: 'us -> eu', epoch: 3 },
    { kind: 'directory', what: 'imported', account: null, actor: 'token:x', detail: '3 added', epoch: 4 },
    { kind: 'reload', result: 'applied', actor: 'signal', changed: ['log.level'], digest: 'ab' },
  ]);
  expect(JSON.parse(`{${unrecorded(3)}}`)).toEqual({ lost: 3, why: 'under_way' });
});
