// What the main thread holds for the workers: what credentials are worth, and the claims of calls with Idempotency-Key.
import { beforeEach, describe, expect, it } from 'vitest';
import { createHostedReplays, type HostedReplays } from '../../src/replay/shared-shelf.ts';
import type { SharedVerification } from '../../src/store/store.ts';
import { createHostedVerifications, type HostedVerifications } from '../../src/workers/verifications.ts';
import { randomHash } from '../store/support.ts';

const MISSING = { kind: 'missing' };
const bytes = (text: string): Buffer => Buffer.from(text.padEnd(16, '.'));

let nowMs = 0;
const now = (): number => nowMs;
beforeEach(() => {
  nowMs = 1000;
});

describe('verifications', () => {
  const timers = new Set<() => void>();
  const hash = randomHash();
  let hosted: HostedVerifications;
  beforeEach(() => {
    timers.clear();
    hosted = createHostedVerifications({
      entries: 100,
      now,
      setTimer(callback) {
        timers.add(callback);
        return () => timers.delete(callback);
      },
    });
  });

  const find = async (holder: number): Promise<SharedVerification> => hosted.find(holder, hash);
  /** Undefined while it waits. */
  async function isTold(waiting: Promise<SharedVerification>): Promise<SharedVerification | undefined> {
    return Promise.race([waiting, new Promise<undefined>((settle) => setImmediate(settle, undefined))]);
  }

  it('are told with the time that is left, and no longer than that', async () => {
    hosted.put(1, hash, true, 500);
    nowMs += 200;
    expect(await find(2)).toEqual({ kind: 'found', value: true, leftMs: 300 });
    nowMs += 300;
    expect(await find(2)).toEqual(MISSING);
  });

  it('one finds out, the others wait and are told', async () => {
    expect(await find(1)).toEqual(MISSING);
    const waiting = [find(2), find(3)];
    expect(await isTold(waiting[0] as Promise<SharedVerification>)).toBeUndefined();
    hosted.put(1, hash, false, 500);
    expect(await Promise.all(waiting)).toEqual([
      { kind: 'found', value: false, leftMs: 500 },
      { kind: 'found', value: false, leftMs: 500 },
    ]);
    expect(timers.size).toBe(0);
  });

  it.each(['pass', 'ended'] as const)(
    'one of those who wait finds out after %s, the others go on waiting',
    async (how) => {
      await find(1);
      const [second, third] = [find(2), find(3)];
      if (how === 'pass') hosted.pass(1, hash);
      else hosted.ended(1);
      expect(await isTold(second)).toEqual(MISSING);
      expect(await isTold(third)).toBeUndefined();
      hosted.put(2, hash, true, 500);
      expect(await third).toMatchObject({ value: true });
    },
  );

  it('a thread that ended while it waited is not asked to find out', async () => {
    await find(1);
    void find(2);
    const third = find(3);
    hosted.ended(2);
    hosted.pass(1, hash);
    expect(await isTold(third)).toEqual(MISSING);
  });

  it('only who finds out can pass', async () => {
    await find(1);
    const second = find(2);
    hosted.pass(3, hash);
    hosted.pass(2, hash);
    expect(await isTold(second)).toBeUndefined();
  });

  it('what was forgotten while it was found out is not kept, and found out anew', async () => {
    await find(1);
    const second = find(2);
    hosted.forget(hash);
    hosted.put(1, hash, true, 500);
    expect(await isTold(second)).toEqual(MISSING);
    hosted.put(2, hash, false, 500);
    expect(await find(3)).toMatchObject({ value: false });
  });

  it('nobody waits for ever', async () => {
    await find(1);
    const second = find(2);
    for (const over of timers) over();
    expect(await isTold(second)).toEqual(MISSING);
  });
});

describe('replays', () => {
  const [name, check, owner, other] = [bytes('name'), bytes('check'), bytes('owner'), bytes('other')];
  const record = Buffer.concat([check, Buffer.from('sealed')]);
  let hosted: HostedReplays;
  beforeEach(() => {
    hosted = createHostedReplays({ keepMs: 1000, maxBytes: 100_000, now });
  });

  it('are claimed by one, and replayed once they are settled', async () => {
    expect(hosted.begin(1, name, check, owner)).toEqual({ kind: 'claimed' });
    expect(hosted.begin(1, name, check, owner)).toEqual({ kind: 'claimed' });
    expect(hosted.begin(2, name, check, other)).toEqual({ kind: 'under_way', check });
    let over = false;
    const waiting = hosted.over(2, name).then(() => {
      over = true;
    });
    await Promise.resolve();
    expect(over).toBe(false);
    expect(hosted.settle(name, other, record)).toBe(false);
    expect(hosted.extend(name, owner)).toBe(true);
    expect(hosted.settle(name, owner, record)).toBe(true);
    await waiting;
    expect(hosted.begin(2, name, check, other)).toEqual({ kind: 'record', record });
    nowMs += 1000;
    expect(hosted.begin(2, name, check, other)).toEqual({ kind: 'claimed' });
  });

  it('are free again when nothing was sent', async () => {
    hosted.begin(1, name, check, owner);
    const waiting = hosted.over(2, name);
    expect(hosted.settle(name, owner, undefined)).toBe(true);
    await waiting;
    expect(hosted.begin(2, name, check, other)).toEqual({ kind: 'claimed' });
    await hosted.over(2, bytes('nobody’s'));
  });

  it('of a thread that ended are told as sent, and nobody knows what came of it', async () => {
    hosted.begin(1, name, check, owner);
    hosted.begin(2, bytes('another'), check, other);
    const waiting = hosted.over(2, name);
    expect(hosted.ended(1)).toBe(1);
    await waiting;
    const told = hosted.begin(2, name, check, other);
    // The mark of an answer that was not kept, for this very request (seal.ts).
    expect(told).toMatchObject({ kind: 'record' });
    expect(told.kind === 'record' && told.record.includes(check)).toBe(true);
    expect(hosted.begin(3, bytes('another'), check, bytes('third'))).toEqual({ kind: 'under_way', check });
  });

  it('a thread that ended while it waited waits no longer, the others do', async () => {
    hosted.begin(1, name, check, owner);
    const [gone, waiting] = [hosted.over(2, name), hosted.over(3, name)];
    let over = false;
    void waiting.then(() => {
      over = true;
    });
    expect(hosted.ended(2)).toBe(0);
    await gone;
    expect(over).toBe(false);
    hosted.settle(name, owner, record);
    await waiting;
  });

  it('a record is kept though its claim got lost, but never in place of another', () => {
    expect(hosted.settle(name, owner, record)).toBe(true);
    expect(hosted.settle(name, other, Buffer.concat([check, Buffer.from('forged')]))).toBe(false);
    expect(hosted.begin(1, name, check, owner)).toEqual({ kind: 'record', record });
  });
});
