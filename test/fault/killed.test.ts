// The whole gateway is killed under load, again and again, and started on what it left: the store opens, the audit log goes on
// and verifies, nothing is sent twice, and a repeat is told the truth.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { publicKeysBeside } from '../../src/audit/key.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import { readRecords } from '../support/audited.ts';
import { openHeldRegion } from '../support/held-region.ts';
import type { Reply } from '../support/http.ts';
import { ALICE } from '../support/lab.ts';
import { runCli } from '../support/process.ts';
import { openServed, openWorld, type Served, type World } from '../workers/served.ts';

const KILLS = 4;
const CALLERS = 16;
/** Calls between two kills, at the least. */
const CALLS = 60;

interface Created {
  readonly repeat: string;
  readonly key: string;
}

function open(world: World, workers: number): Promise<Served> {
  const audit = { file: join(world.folder.path, 'audit.jsonl'), key: join(world.folder.path, 'audit.key') };
  return openServed({ workers, before: world, config: { audit: { ...audit, flush: '5ms', heads: '100ms' } } });
}

const create = (from: Served, repeat: string): Promise<Reply | undefined> =>
  from
    .call('POST', '/api/v1/share', {
      as: ALICE,
      headers: { 'Idempotency-Key': repeat },
      body: `secret=${repeat}&ttl=3600`,
    })
    .catch(() => undefined);

/** Makes secrets until the gateway is gone. @returns those that callers were told of, and the headers of all that were tried */
async function load(from: Served, name: string, onCall: () => void) {
  const created: Created[] = [];
  const tried: string[] = [];
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let turn = 0; ; turn++) {
      const repeat = `${name}-${caller}-${turn}-0123456789abcdef`;
      tried.push(repeat);
      const reply = await create(from, repeat);
      if (reply === undefined) return;
      onCall();
      if (reply.status === 200) created.push({ repeat, key: String(reply.json().secret_key) });
    }
  });
  await Promise.all(callers);
  return { created, tried };
}

it.each([1, 2])(
  'a retrieval that was at its region when the gateway was killed is unknown to its repeat, with %i worker(s)',
  async (workers) => {
    await using world = await openWorld();
    await using region = await openHeldRegion();
    const served = (): Promise<Served> => openServed({ workers, before: world, upstreams: { us: region.url } });
    const path = `/us/api/v1/secret/${'k'.repeat(31)}`;
    const retrieve = (from: Served, value: string): Promise<Reply> =>
      from.call('POST', path, { headers: { 'Idempotency-Key': `of-a-retrieval-${value}` } });
    {
      await using from = await served();
      const cut = retrieve(from, 'first');
      cut.catch(() => {});
      await region.first;
      from.process.kill('SIGKILL');
      await expect(cut).rejects.toThrow();
      await from.process.exited;
    }
    await using from = await served();
    const again = await retrieve(from, 'first');
    expect([again.status, again.json().error, again.json().outcome]).toEqual([502, 'answer_not_kept', 'unknown']);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(region.received).toHaveLength(1);
    // Its caller finds out by a new call, which is sent.
    const next = retrieve(from, 'second');
    await expect.poll(() => region.received.length).toBe(2);
    region.release();
    expect((await next).status).toBe(200);
    expect((await from.stop('SIGTERM')).code).toBe(0);
  },
  30_000,
);

it.each([1, 2])(
  'kill -9 under load with %i worker(s)',
  async (workers) => {
    await using world = await openWorld();
    const all: Created[] = [];
    let tried: readonly string[] = [];
    for (let kill = 1; kill <= KILLS; kill++) {
      await using from = await open(world, workers);
      let calls = 0;
      const made = await load(from, `run-${kill}`, () => {
        if (++calls === CALLS + kill) from.process.kill('SIGKILL');
      });
      expect(await from.process.exited).toEqual({ code: null, signal: 'SIGKILL' });
      all.push(...made.created);
      tried = made.tried;
    }
    expect(all.length).toBeGreaterThanOrEqual(KILLS * CALLS);

    await using from = await open(world, workers);
    const sent = (): string[] =>
      world.us.requests.filter(({ path }) => path.endsWith('/share')).map(({ body }) => body.toString());
    expect(new Set(sent()).size).toBe(sent().length);
    // Keys that callers were told of are found without a region, in the order in which nobody asked for them.
    const found = await Promise.all(all.map(({ key }) => from.call('POST', `/api/v1/secret/${key}`)));
    expect(found.filter(({ status }) => status !== 200).map(({ body }) => body)).toEqual([]);
    // Answers in memory are gone, and that their calls were sent is not: who repeats one is told so.
    const received = new Set(sent());
    const again = await Promise.all(tried.map(async (repeat) => ({ repeat, reply: await create(from, repeat) })));
    expect(new Set(sent()).size).toBe(sent().length);
    for (const { repeat, reply } of again) {
      const wasSent = [...received].some((body) => body.includes(repeat));
      const said = reply?.status === 200 ? 'created' : `${reply?.json().error} ${reply?.json().outcome}`;
      // Also of one that the region never saw: it was about to be sent.
      if (wasSent || said !== 'created') expect(said, repeat).toBe('answer_not_kept unknown');
    }
    expect(again.filter(({ reply }) => reply?.status === 502).length).toBeGreaterThanOrEqual(CALLS);
    expect((await from.stop('SIGTERM')).code).toBe(0);

    const file = join(world.folder.path, 'audit.jsonl');
    const publicKeys = publicKeysBeside(join(world.folder.path, 'audit.key')).map(({ key }) => key);
    expect(await verifyAudit({ file, publicKeys })).toMatchObject({ good: true, faults: [] });
    const records = readRecords(file);
    expect(records.filter(({ kind }) => kind === 'opened')).toHaveLength(KILLS + 1);
    expect(records.filter(({ kind }) => kind === 'closed')).toHaveLength(1);
    const { code, stdout } = await runCli(['audit', 'verify', '--config', from.file]);
    expect([code, stdout]).toEqual([0, expect.stringContaining('good')]);
  },
  120_000,
);
