// Rooms of several threads over what the main thread holds: an answer is never kept longer than its first asker may.
import { expect, it } from 'vitest';
import { createVerify, type Verification } from '../../src/caller/verify.ts';
import { type Credentials, issuePermit, type RegionName } from '../../src/domain.ts';
import { createKeyedHash } from '../../src/keyed-hash.ts';
import { createHostedVerifications } from '../../src/workers/verifications.ts';

const AT = 'eu' as RegionName;
const ANNA: Credentials = { name: 'canary@example.org', token: 'canary-token', header: 'Basic Y2FuYXJ5' };
const PERMIT = issuePermit({
  verifyAt: AT,
  region: AT,
  credentials: 'forward',
  reason: 'account_home',
  account: { home: AT, also: [], pinned: true },
});
const GOOD_MS = 300_000;

/** Two threads' rooms, with one clock. */
function openBoth(answers: Verification[]) {
  const clock = { ms: 1_000 };
  const asked: number[] = [];
  const hosted = createHostedVerifications({ entries: 100, now: () => clock.ms });
  const open = (holder: number) =>
    createVerify(
      async () => {
        asked.push(holder);
        return answers.shift() ?? 'good';
      },
      {
        goodMs: GOOD_MS,
        badMs: 10_000,
        entries: 100,
        now: () => clock.ms,
        hash: createKeyedHash(Buffer.alloc(32, 1)),
        shared: {
          hash: createKeyedHash(Buffer.alloc(32, 2)),
          verifications: {
            find: async (hash) => hosted.find(holder, hash),
            put: (hash, good, keepMs) => hosted.put(holder, hash, good, keepMs),
            pass: (hash) => hosted.pass(holder, hash),
            forget: (hash) => hosted.forget(hash),
          },
        },
      },
    );
  const [one, other] = [open(1), open(2)];
  const ask = (room: typeof one) =>
    room.verify(PERMIT, AT, { credentials: ANNA, address: '203.0.113.9' }, { leftMs: 50 });
  return { clock, asked, ask: { one: () => ask(one), other: () => ask(other) } };
}

it('is remembered by another thread for exactly as long as by the one that asked', async () => {
  const { clock, asked, ask } = openBoth([]);
  await ask.one();
  clock.ms += GOOD_MS - 1;
  expect(await ask.other()).toBe('good');
  expect(asked).toEqual([1]);
  clock.ms += 1;
  expect(await ask.other()).toBe('good');
  expect(asked).toEqual([1, 2]);
});

it('without an answer for the first, the one that waits asks for itself', async () => {
  const { asked, ask } = openBoth([{ kind: 'unavailable', cause: undefined }, 'bad']);
  const [first, second] = await Promise.all([ask.one(), ask.other()]);
  expect(first).toMatchObject({ kind: 'unavailable' });
  expect(second).toBe('bad');
  expect(asked).toEqual([1, 2]);
});
