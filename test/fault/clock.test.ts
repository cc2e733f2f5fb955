// The clock of the machine is set by hours while the gateway runs: nothing is lost, nothing is opened up, and the audit log
// stays whole.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publicKeysBeside } from '../../src/audit/key.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import { readRecords } from '../support/audited.ts';
import { HAS_FAKETIME, openDayClock, type SetClock } from '../support/day-clock.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import type { Reply } from '../support/http.ts';
import { ALICE } from '../support/lab.ts';
import { NO_LIMITS, openServed, type Served } from '../workers/served.ts';

const HOUR = 3600;
const REPEATED = { 'Idempotency-Key': 'the-clock-is-set-0123456789' };
const NOBODYS = `/us/api/v1/secret/${'n'.repeat(31)}`;

let folder: Folder;
let clock: SetClock;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

const auditFile = (): string => join(folder.path, 'audit.jsonl');

async function open(workers: number): Promise<Served> {
  clock = openDayClock(folder);
  const once = { requests: 1, burst: 1, per: '10m' };
  return openServed({
    workers,
    env: clock.env,
    config: {
      limits: { ...NO_LIMITS, perKey: once },
      audit: { file: auditFile(), key: join(folder.path, 'audit.key'), flush: '10ms', heads: '1s' },
    },
  });
}

const create = (from: Served, secret: string, headers = {}): Promise<Reply> =>
  from.call('POST', '/api/v1/share', { as: ALICE, headers, body: `secret=${secret}&ttl=3600` });
const retrieve = (from: Served, { secret_key: key }: Record<string, unknown>): Promise<Reply> =>
  from.call('POST', `/api/v1/secret/${key}`);

/** Sets it, and waits until the gateway has noticed that. */
async function set(from: Served, seconds: number): Promise<void> {
  const notices = (): number =>
    from.log().filter(({ msg }) => /clock of this machine was set/.test(String(msg))).length;
  const before = notices();
  clock.set(seconds);
  await expect.poll(notices, { timeout: 10_000 }).toBe(before + 1);
}

/** A lease is over when either clock says so; the next look, four a second, begins another one. */
const isServed = (from: Served) =>
  expect.poll(async () => (await from.call('GET', '/api/v1/authcheck', { as: ALICE })).status, { timeout: 5000 });

describe.skipIf(!HAS_FAKETIME).each([1, 2])('with %i worker(s), a clock that is set', (workers) => {
  it.each([
    ['forward by hours', 5 * HOUR],
    ['back by hours', -5 * HOUR],
  ])(
    '%s, and right again',
    async (_way, seconds) => {
      await using from = await open(workers);
      const [made, other] = [(await create(from, 'first')).json(), (await create(from, 'second')).json()];
      const answered = await create(from, 'repeated', REPEATED);
      expect(answered.status).toBe(200);
      expect((await from.call('POST', NOBODYS)).status).toBe(404);
      expect((await from.call('POST', NOBODYS)).status).toBe(429);

      await set(from, seconds);
      await isServed(from).toBe(200);
      // Neither forgiven, nor held for hours.
      const limited = await from.call('POST', NOBODYS);
      expect(limited.status).toBe(429);
      expect(Number(limited.headers['retry-after'])).toBeLessThanOrEqual(600);
      // An answer that was kept is still kept, and nothing is sent again.
      from.us.clearLedger();
      const again = await create(from, 'repeated', REPEATED);
      expect([again.status, again.body]).toEqual([200, answered.body]);
      expect(from.us.requests.filter(({ path }) => path.endsWith('/share'))).toEqual([]);
      // By that clock the key has expired: nobody guesses where it is.
      if (seconds > 0) expect((await retrieve(from, other)).json().error).toBe('region_required');
      const between = (await create(from, 'between')).json();
      expect((await retrieve(from, between)).status).toBe(200);
      expect((await from.call('GET', '/us/api/v1/status')).status).toBe(200);

      await set(from, 0);
      await isServed(from).toBe(200);
      // It was not forgotten meanwhile.
      expect((await retrieve(from, made)).status).toBe(200);
      expect((await retrieve(from, made)).status).toBe(429);
      expect((await from.stop('SIGTERM')).code).toBe(0);
      const reveals = from.us.requests.filter(({ path }) => path.endsWith(String(made.secret_key)));
      expect(reveals).toHaveLength(1);

      const publicKeys = publicKeysBeside(join(folder.path, 'audit.key')).map(({ key }) => key);
      expect(await verifyAudit({ file: auditFile(), publicKeys })).toMatchObject({ good: true, faults: [] });
      const records = readRecords(auditFile());
      expect(records.map(({ seq }) => seq)).toEqual(records.map((_record, at) => at + 1));
      const times = records.map(({ time }) => Date.parse(time));
      expect(times.some((time, at) => Math.abs(time - (times[at - 1] ?? time)) > 4 * HOUR * 1000)).toBe(true);
      expect(from.log().filter(({ level }) => Number(level) >= 50)).toEqual([]);
    },
    60_000,
  );
});
