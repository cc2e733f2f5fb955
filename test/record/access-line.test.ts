import fc from 'fast-check';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { accessLines } from '../../src/record/access-line.ts';

it('is the line that pino itself would write, but for the time', () => {
  const written: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void written.push(line) });
  const child = log.child({ worker: 2 });
  const maybe = (...words: string[]) => fc.option(fc.constantFrom(...words), { nil: undefined });
  const line = fc.record({
    request_id: fc.uuid(),
    method: fc.constantFrom('GET', 'other'),
    route: fc.constantFrom('none', 'v1.secret'),
    region: maybe('us', 'eu-west-1'),
    reason: maybe('account_home'),
    outcome: maybe('not_sent', 'delivered'),
    replayed: fc.constantFrom(true as const, undefined),
    refusal: maybe('rate_limited'),
    limit: maybe('per-key'),
    status: fc.option(fc.integer({ min: 100, max: 599 }), { nil: undefined }),
    duration_ms: fc.double({ min: 0, max: 1e6, noNaN: true }).map((ms) => Math.round(ms * 10) / 10),
  });
  fc.assert(
    fc.property(
      line,
      fc.constantFrom('answered', 'caller gone'),
      fc.constantFrom(log, child),
      (fields, message, to) => {
        written.length = 0;
        accessLines(to)(fields, message);
        to.info(fields, message);
        const [ours, theirs] = written.map((one) => one.replace(/"time":\d+/, '"time":0'));
        expect(ours).toBe(theirs);
      },
    ),
  );
});
