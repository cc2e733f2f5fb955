// Addresses of regions: remembered for a time, used for longer while no resolver answers, and all of them tried.
import type { LookupAddress } from 'node:dns';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createLookup, FRESH_MS, type Resolve, STALE_MS } from '../../src/region/lookup.ts';
import { forwardTo, openProxy } from '../support/broken-proxy.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { openPageRegion } from '../support/page-region.ts';

const V4 = { address: '192.0.2.1', family: 4 };
const V6 = { address: '2001:db8::1', family: 6 };
const AWAY = Object.assign(new Error('away'), { code: 'EAI_AGAIN' });

type Answer = Parameters<Parameters<Resolve>[1]>;

/** A resolver that is told what to answer, now or when it is asked to. */
function world(first: Answer = [null, [V4]]) {
  let nowMs = 1_000_000;
  let answer: Answer | 'hangs' = first;
  const asked: string[] = [];
  const held: Parameters<Resolve>[1][] = [];
  const lookup = createLookup(
    () => nowMs,
    (hostname, done) => {
      asked.push(hostname);
      if (answer === 'hangs') held.push(done);
      else done(...answer);
    },
  );
  return {
    asked,
    advance: (ms: number) => {
      nowMs += ms;
    },
    answers: (next: Answer | 'hangs') => {
      answer = next;
    },
    /** Everybody who hangs gets this answer. */
    release: (...late: Answer) => {
      for (const done of held.splice(0)) done(...late);
    },
    find: (hostname = 'eu.example', options: object = { all: true }) =>
      new Promise<readonly LookupAddress[] | string>((settle, reject) => {
        lookup(hostname, options, (error, found) => (error === null ? settle(found) : reject(error)));
      }),
  };
}

describe('an address', () => {
  it('is asked for once in 30 seconds, however its name is written', async () => {
    const { find, asked, advance, answers } = world();
    expect(await Promise.all([find(), find('EU.example')])).toEqual([[V4], [V4]]);
    advance(FRESH_MS - 1);
    await find();
    expect(asked).toHaveLength(1);
    advance(1);
    answers([null, [V6]]);
    expect(await find()).toEqual([V6]);
    expect(asked).toHaveLength(2);
  });

  it('is asked for by one question at a time, whose answer all get', async () => {
    const { find, asked, answers, release } = world();
    answers('hangs');
    const all = [find(), find(), find()];
    expect(asked).toHaveLength(1);
    release(null, [V4, V6]);
    expect(await Promise.all(all)).toEqual([
      [V4, V6],
      [V4, V6],
      [V4, V6],
    ]);
  });

  it('is used for five minutes while the resolver fails, which is asked every five seconds', async () => {
    const { find, asked, advance, answers } = world();
    await find();
    advance(FRESH_MS);
    answers([AWAY, []]);
    expect(await find()).toEqual([V4]);
    advance(4999);
    expect(await find()).toEqual([V4]);
    expect(asked).toHaveLength(2);
    advance(1);
    expect(await find()).toEqual([V4]);
    expect(asked).toHaveLength(3);
    advance(STALE_MS - FRESH_MS - 5001);
    expect(await find()).toEqual([V4]);
    advance(1);
    await expect(find()).rejects.toMatchObject({ code: 'EAI_AGAIN' });
    answers([null, [V6]]);
    expect(await find()).toEqual([V6]);
  });

  it('is used at once when the resolver hangs, and the new one when it comes', async () => {
    const { find, asked, advance, answers, release } = world();
    await find();
    advance(FRESH_MS);
    answers('hangs');
    expect(await find()).toEqual([V4]);
    // Whoever comes later does not wait for it at all.
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    advance(250);
    expect(await find()).toEqual([V4]);
    release(null, [V6]);
    expect(await find()).toEqual([V6]);
    expect(asked).toHaveLength(2);
  });

  it('that nobody knows is an error each time, and so is an answer without one', async () => {
    const { find, asked, answers } = world([AWAY, []]);
    await expect(find()).rejects.toMatchObject({ code: 'EAI_AGAIN' });
    answers([null, []]);
    await expect(find()).rejects.toMatchObject({ code: 'ENOTFOUND' });
    expect(asked).toHaveLength(2);
  });

  it('is given as it was asked for: one, or those of a family', async () => {
    const { find } = world([null, [V6, V4]]);
    expect(await find('x.example', {})).toBe(V6.address);
    expect(await find('x.example', { all: true, family: 4 })).toEqual([V4]);
    expect(await find('x.example', { family: 4 })).toBe(V4.address);
    const six = world([null, [V6]]);
    await expect(six.find('x.example', { all: true, family: 4 })).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('is kept for a bounded number of names', async () => {
    const { find, asked } = world();
    for (let i = 0; i < 300; i++) await find(`n${i}.example`);
    await find('n299.example');
    expect(asked).toHaveLength(300);
    await find('n0.example');
    expect(asked).toHaveLength(301);
  });
});

describe('a region', () => {
  async function open(resolve: Resolve, upstream: object = {}): Promise<Lab> {
    const eu = await openPageRegion((_req, res) => {
      // Each call opens a connection.
      res.writeHead(200, { 'Content-Length': 2, Connection: 'close' }).end('{}');
    });
    onTestFinished(() => eu.close());
    const { port } = new URL(eu.url);
    const lab = await openLab({
      upstreams: { eu: [`http://eu.region.example:${port}`] },
      resolve,
      config: { upstream, passthrough: [{ prefix: '/app', region: 'eu' }] },
    });
    onTestFinished(() => lab.close());
    return lab;
  }
  const ask = async (lab: Lab, path = '/eu/api/v1/status') => {
    const { status, headers, body } = await lab.call('GET', path);
    expect(body).not.toContain('region.example');
    return [status, headers['onetime-gateway-outcome']];
  };
  const HERE = { address: '127.0.0.1', family: 4 };

  it('is reached for minutes while no resolver answers, and then it is 502 not_sent until one does', async () => {
    let asked = 0;
    let error: Error | null = null;
    const lab = await open((_hostname, done) => {
      asked++;
      done(error, error === null ? [HERE] : []);
    });
    expect([await ask(lab), await ask(lab, '/app/x')]).toEqual([
      [200, 'delivered'],
      [200, 'delivered'],
    ]);
    expect(asked).toBe(1);
    error = AWAY;
    lab.advance(FRESH_MS + 1000);
    expect([await ask(lab), await ask(lab, '/app/x')]).toEqual([
      [200, 'delivered'],
      [200, 'delivered'],
    ]);
    expect(asked).toBe(2);
    lab.advance(STALE_MS);
    expect([await ask(lab), await ask(lab, '/app/x')]).toEqual([
      [502, 'not_sent'],
      [502, 'not_sent'],
    ]);
    expect(lab.log.join('')).toContain('EAI_AGAIN');
    error = null;
    expect(await ask(lab)).toEqual([200, 'delivered']);
  });

  it('is reached by whichever of its addresses answers', async () => {
    // Nothing listens on the first: only the last one is the region's.
    const addresses = ['127.0.0.77', '127.0.0.78'].map((address) => ({ address, family: 4 }));
    const lab = await open((_hostname, done) => done(null, [...addresses, HERE]));
    expect([await ask(lab), await ask(lab, '/app/x')]).toEqual([
      [200, 'delivered'],
      [200, 'delivered'],
    ]);
  });

  it('is 502 not_sent while a resolver hangs that has never answered', async () => {
    const lab = await open(() => {}, { connectTimeout: '200ms' });
    expect([await ask(lab), await ask(lab, '/app/x')]).toEqual([
      [502, 'not_sent'],
      [502, 'not_sent'],
    ]);
  });

  it('behind a proxy is looked up by the proxy, which is looked up here', async () => {
    await using proxy = await openProxy(forwardTo);
    const asked: string[] = [];
    const resolve: Resolve = (hostname, done) => {
      asked.push(hostname);
      done(null, [HERE]);
    };
    const lab = await open(resolve, { proxy: `http://proxy.corp.example:${proxy.port}` });
    expect(await ask(lab)).toEqual([200, 'delivered']);
    expect(asked).toEqual(['proxy.corp.example']);
    expect(proxy.heads).toEqual([expect.stringMatching(/^CONNECT eu\.region\.example:\d+ HTTP\/1\.1\r\n/)]);
  });
});
