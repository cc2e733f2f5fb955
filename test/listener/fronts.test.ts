// Which configuration answers a request: the one in use when its turn comes, until its end.
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Answer } from '../../src/journey.ts';
import { type Front, FrontInUse } from '../../src/listener/fronts.ts';
import { createPublicListener, type PublicListener } from '../../src/listener/public.ts';
import { createRespond } from '../../src/listener/respond.ts';
import { createEpochs } from '../../src/locality/epochs.ts';
import { BOUNDS } from '../support/bounds.ts';
import { call } from '../support/http.ts';
import { rawCaller } from '../support/raw.ts';

/** A front that answers when it is told to, with its name. */
function front(name: string) {
  const waiting: PromiseWithResolvers<Answer>[] = [];
  const recorded: number[] = [];
  const made: Front = {
    journey() {
      const answer = Promise.withResolvers<Answer>();
      waiting.push(answer);
      return answer.promise;
    },
    record: ({ status }) => void recorded.push(status),
    passthrough: {
      isUsed: false,
      match: () => undefined,
      upgrades: () => false,
      enter: async () => 'passed',
      register() {},
      goAway() {},
      cut() {},
    },
    ...BOUNDS,
  };
  const answer = (): void => waiting.shift()?.resolve({ kind: 'own', status: 200, headers: [], body: name });
  return { front: made, waiting, recorded, answer };
}

/** Whether it is settled by the next turn. */
async function isOver(work: Promise<void>): Promise<boolean> {
  const turn = new Promise<false>((settle) => setImmediate(settle, false));
  return Promise.race([work.then(() => true), turn]);
}

describe('a front in use', () => {
  it('is over at once where it has no request', async () => {
    expect(await isOver(new FrontInUse(front('a').front).retire())).toBe(true);
  });

  it('is over with its last request, and not before it is retired', async () => {
    const used = new FrontInUse(front('a').front);
    used.enter();
    used.leave();
    used.enter();
    used.enter();
    const over = used.retire();
    used.leave();
    expect(await isOver(over)).toBe(false);
    used.leave();
    expect(await isOver(over)).toBe(true);
  });
});

describe('the listener', () => {
  let listener: PublicListener | undefined;
  afterEach(() => listener?.close());

  async function open(first: Front): Promise<string> {
    const respond = createRespond(() => false);
    listener = createPublicListener(respond, {
      now: () => performance.now(),
      epochs: createEpochs(),
      onBegin() {},
      trace: () => undefined,
      onUnparsed() {},
    });
    await use(first);
    await listener.app.listen({ host: '127.0.0.1', port: 0 });
    return `http://127.0.0.1:${(listener.app.server.address() as AddressInfo).port}`;
  }

  /** @returns resolves when nothing of the front before is under way */
  async function use(next: Front): Promise<{ readonly over: Promise<void> }> {
    const ready = await listener?.prepare(next);
    if (ready === undefined) throw new Error('there is no listener');
    return { over: ready.use() };
  }

  it('ends what began by the one before there, and that one with it', async () => {
    const [a, b] = [front('a'), front('b')];
    const url = await open(a.front);
    const slow = call(url, 'GET', '/x');
    await expect.poll(() => a.waiting.length).toBe(1);
    const { over } = await use(b.front);
    const quick = call(url, 'GET', '/x');
    await expect.poll(() => b.waiting.length).toBe(1);
    b.answer();
    expect((await quick).body).toBe('b');
    expect(await isOver(over)).toBe(false);
    a.answer();
    expect((await slow).body).toBe('a');
    await over;
    expect([a.recorded, b.recorded]).toEqual([[200], [200]]);
  });

  it('a caller who leaves does not hold the one before, and the call is recorded there', async () => {
    const [a, b] = [front('a'), front('b')];
    const caller = rawCaller(await open(a.front));
    caller.send('GET /x HTTP/1.1\r\nHost: g\r\n\r\n');
    await expect.poll(() => a.waiting.length).toBe(1);
    const { over } = await use(b.front);
    caller.socket.destroy();
    a.answer();
    await over;
    expect(a.recorded).toHaveLength(1);
  });

  it('a pipelined request goes by the one in use when its turn comes', async () => {
    const [a, b] = [front('a'), front('b')];
    const caller = rawCaller(await open(a.front));
    caller.send('GET /1 HTTP/1.1\r\nHost: g\r\n\r\nGET /2 HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n');
    await expect.poll(() => a.waiting.length).toBe(1);
    await use(b.front);
    a.answer();
    await expect.poll(() => b.waiting.length).toBe(1);
    b.answer();
    expect((await caller.closed).match(/\r\n\r\n[ab]/g)).toEqual(['\r\n\r\na', '\r\n\r\nb']);
    expect(a.waiting).toEqual([]);
  });

  it('what was prepared and given up answers nobody', async () => {
    const [a, b] = [front('a'), front('b')];
    const url = await open(a.front);
    await (await listener?.prepare(b.front))?.abandon();
    const reply = call(url, 'GET', '/x');
    await expect.poll(() => a.waiting.length).toBe(1);
    a.answer();
    expect((await reply).body).toBe('a');
  });

  it('closes with all that is under way, by whichever', async () => {
    const [a, b] = [front('a'), front('b')];
    const url = await open(a.front);
    const first = expect(call(url, 'GET', '/x')).rejects.toThrow();
    await expect.poll(() => a.waiting.length).toBe(1);
    await use(b.front);
    const second = expect(call(url, 'GET', '/x')).rejects.toThrow();
    await expect.poll(() => b.waiting.length).toBe(1);
    await listener?.close();
    await Promise.all([first, second]);
  });
});
