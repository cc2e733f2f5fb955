// An error that nobody caught ends its thread only after the requests under way there have been answered, or had the time
// to be; no new ones are taken meanwhile, and other threads notice nothing.
import type { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { type HeldRegion, openHeldRegion } from '../support/held-region.ts';
import { call, type Reply } from '../support/http.ts';
import { openServed, type Served, type ServedOptions } from './served.ts';

const PRELOAD = fileURLToPath(new URL('deadly.preload.ts', import.meta.url));
/** As LAST_ANSWERS_MS, and what ending takes. */
const LAST_ANSWERS_MS = 10_000;

let folder: Folder;
let region: HeldRegion;
beforeEach(async () => {
  folder = openFolder();
  region = await openHeldRegion();
});
afterEach(async () => {
  await region[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** us is held, eu is the twin. */
const open = (workers: number, config?: ServedOptions['config']): Promise<Served> =>
  openServed({
    workers,
    ...(config && { config }),
    upstreams: { us: region.url },
    env: { NODE_OPTIONS: `--import ${PRELOAD}`, DEADLY_FOLDER: folder.path },
  });

const crashes = (from: Served) => from.log().filter(({ msg }) => msg === 'crashed');

async function underWay(from: Served, count: number, agent?: Agent): Promise<Promise<Reply>[]> {
  const calls = Array.from({ length: count }, () =>
    from.call('POST', '/us/api/v1/share', { body: 'secret=under+way', ...(agent && { agent }) }),
  );
  for (const each of calls) each.catch(() => {});
  await expect.poll(() => region.received.length).toBe(count);
  return calls;
}

async function crash(from: Served, thread: number, how: 'throw' | 'stuck' = 'throw'): Promise<void> {
  folder.write(`end-${thread}`, how);
  await expect.poll(() => crashes(from).length).toBe(1);
}

describe('a worker', () => {
  it('answers what it has under way, takes no more, and another takes its place', async () => {
    await using from = await open(2);
    const agents = await from.reach();
    const [reply] = await underWay(from, 1, agents.get(1));
    await crash(from, 1);
    await expect.poll(() => from.metric('onetime_gateway_workers')).toBe(1);
    // All of these go to the other one.
    for (let turn = 0; turn < 10; turn++) expect((await from.call('GET', '/eu/api/v1/status')).status).toBe(200);
    expect((await call(from.adminUrl, 'GET', '/readyz')).status).toBe(200);
    expect(await from.metric('onetime_gateway_worker_restarts_total{reason="crashed"}')).toBe(0);
    region.release();
    expect(await reply).toMatchObject({ status: 200, body: '{"state":"new"}' });
    await expect.poll(() => from.metric('onetime_gateway_workers'), { timeout: 10_000 }).toBe(2);
    expect(await from.metric('onetime_gateway_worker_restarts_total{reason="crashed"}')).toBe(1);
    expect(region.received).toHaveLength(1);
    expect(from.process.output()).not.toContain('s3cret');
    expect((await from.stop('SIGTERM')).code).toBe(0);
  }, 30_000);

  it('does not wait for longer than its time for a region that says nothing', async () => {
    await using from = await open(2);
    const agents = await from.reach();
    const [cut] = await underWay(from, 1, agents.get(1));
    const sinceMs = performance.now();
    await crash(from, 1);
    await expect(cut).rejects.toThrow();
    expect(performance.now() - sinceMs).toBeGreaterThan(LAST_ANSWERS_MS - 1000);
    await expect.poll(() => from.metric('onetime_gateway_workers'), { timeout: 10_000 }).toBe(2);
    expect(region.received).toHaveLength(1);
  }, 30_000);
});

describe('the main thread', () => {
  it.each([1, 2])(
    'with %i thread(s) that answer: answers what is under way, then the process ends with 1',
    async (workers) => {
      await using from = await open(workers);
      const calls = await underWay(from, 20);
      await crash(from, 0);
      expect((await call(from.adminUrl, 'GET', '/readyz')).status).toBe(503);
      await expect(from.call('GET', '/eu/api/v1/status')).rejects.toThrow('ECONNREFUSED');
      region.release();
      const replies = await Promise.all(calls);
      expect(replies.map(({ status, body }) => [status, body])).toEqual(Array(20).fill([200, '{"state":"new"}']));
      expect(await from.process.exited).toEqual({ code: 1, signal: null });
      expect(region.received).toHaveLength(20);
      expect(crashes(from)).toHaveLength(1);
      expect(from.process.output()).not.toContain('s3cret');
    },
    30_000,
  );

  it.each([1, 2])(
    'with %i thread(s) that answer: ends though the disk of its audit log hangs',
    async (workers) => {
      await using from = await open(workers, { audit: { file: `${folder.path}/audit.jsonl` } });
      await crash(from, 0, 'stuck');
      expect(await from.process.exited).toEqual({ code: 1, signal: null });
    },
    30_000,
  );
});
