// Disks that cannot be written: a gateway that starts says what is wrong, one that runs sends nothing that it cannot account
// for, loses nothing that it was told, and goes on by itself when there is room.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRecords } from '../support/audited.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { call, type Reply } from '../support/http.ts';
import { ALICE } from '../support/lab.ts';
import { fill, HAS_OWN_DISK, onDisk, readOnly } from '../support/own-disk.ts';
import { runCli } from '../support/process.ts';
import { NO_LIMITS, openServed, type Served } from '../workers/served.ts';

let folder: Folder;
let data: string;
beforeEach(() => {
  folder = openFolder();
  data = join(folder.path, 'data');
  mkdirSync(data);
});
afterEach(() => folder[Symbol.dispose]());

const at = (name: string): string => join(data, name);

describe.skipIf(!HAS_OWN_DISK)('a start where the data cannot be written', () => {
  it.each([
    ['the identity key', 78, { identityKey: 'identity.key' }, /identity\.key/],
    ['the store', 71, { store: 'gateway.db' }, /The store .*gateway\.db cannot be opened .*writable for the user/],
    ['the audit log', 71, { audit: 'audit.jsonl' }, /audit log .*audit\.jsonl/],
  ])('ends with a sentence that names %s, and nothing has listened', async (_what, code, on, sentence) => {
    const elsewhere = (name: string): string => join(folder.path, name);
    const place = (key: keyof typeof on | string): string => {
      const name = (on as Readonly<Record<string, string>>)[key];
      return name === undefined ? elsewhere(key) : at(name);
    };
    const config = folder.write(
      'gateway.yaml',
      JSON.stringify({
        listen: { host: '127.0.0.1', port: 0 },
        admin: { host: '127.0.0.1', port: 0 },
        regions: { us: { upstreams: ['http://127.0.0.1:9'] } },
        identityKey: place('identityKey'),
        store: `sqlite:${place('store')}`,
        audit: { file: place('audit'), key: elsewhere('audit.key') },
      }),
    );
    const ended = await runCli(['serve', '--config', config], {
      through: readOnly(data),
      env: { GATEWAY_IDENTITY_KEY: undefined },
    });
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(sentence);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
    expect(ended.stdout).not.toContain('listening');
  });
});

describe.skipIf(!HAS_OWN_DISK)('a disk that is full while the gateway runs', () => {
  const KB = 6144;

  const open = (workers: number, onFailure: 'refuse' | 'continue'): Promise<Served> =>
    openServed({
      workers,
      through: onDisk(data, KB),
      config: {
        limits: NO_LIMITS,
        store: `sqlite:${at('gateway.db')}`,
        audit: { file: at('audit.jsonl'), key: at('audit.key'), flush: '5ms', heads: '100ms', onFailure },
      },
    });
  const create = (from: Served, headers = {}): Promise<Reply> =>
    from.call('POST', '/api/v1/share', { as: ALICE, body: 'secret=on+a+full+disk&ttl=3600', headers });
  const failing = (from: Served): Promise<number> => from.metric('onetime_gateway_audit_failing');

  /** Calls until the journal has noticed; each of them has an answer of the region, or was not sent. */
  async function untilFailing(from: Served): Promise<void> {
    await expect
      .poll(
        async () => {
          const { status, headers } = await create(from);
          expect(status === 200 || headers['onetime-gateway-outcome'] === 'not_sent').toBe(true);
          return failing(from);
        },
        { timeout: 10_000 },
      )
      .toBe(1);
  }

  /** What the gateway finds of its log, and the records as the process sees them. */
  async function verified(from: Served) {
    await expect.poll(() => failing(from)).toBe(0);
    const { faults } = (await call(from.adminUrl, 'POST', '/admin/v1/audit/verification')).json();
    return { faults, records: readRecords(`/proc/${from.process.pid}/root${at('audit.jsonl')}`) };
  }

  it.each([1, 2])(
    'with audit.onFailure refuse and %i worker(s): nothing is sent until there is room, and then all of it is recorded',
    async (workers) => {
      await using from = await open(workers, 'refuse');
      expect((await create(from)).status).toBe(200);
      const makeRoom = fill(from.process, data);
      await untilFailing(from);
      await expect.poll(async () => (await create(from)).status).toBe(503);
      from.us.clearLedger();
      for (let turn = 0; turn < 10; turn++) {
        const refused = await create(from);
        expect([refused.status, refused.json().error, refused.json().outcome]).toEqual([
          ...[503, 'audit_unavailable', 'not_sent'],
        ]);
      }
      expect(from.us.requests).toEqual([]);
      for (const path of ['/livez', '/readyz', '/metrics']) {
        expect((await call(from.adminUrl, 'GET', path)).status).toBe(200);
      }
      const said = from.log().filter(({ msg }) => msg === 'the audit log cannot be written');
      expect(said).toHaveLength(1);
      makeRoom();
      await expect.poll(async () => (await create(from)).status, { timeout: 10_000 }).toBe(200);
      const { faults, records } = await verified(from);
      expect(faults).toEqual([]);
      expect(records.filter(({ refusal }) => refusal === 'audit_unavailable').length).toBeGreaterThanOrEqual(10);
      expect(records.filter(({ kind }) => kind === 'gap')).toEqual([]);
      expect((await from.stop('SIGTERM')).code).toBe(0);
    },
    60_000,
  );

  it('with onFailure continue: calls go on, keys that the store does not take are known to this gateway, and it says so', async () => {
    await using from = await open(1, 'continue');
    const makeRoom = fill(from.process, data);
    // Until the store has no page left either.
    const failed = (): Promise<number> => from.metric('onetime_gateway_key_learned_total{result="failed"}');
    await expect
      .poll(
        async () => {
          expect((await create(from)).status).toBe(200);
          return failed();
        },
        { timeout: 20_000, interval: 1 },
      )
      .toBeGreaterThan(0);
    const made = await create(from, { 'Idempotency-Key': 'on-a-full-disk-0123456789' });
    expect(made.status).toBe(200);
    const again = await create(from, { 'Idempotency-Key': 'on-a-full-disk-0123456789' });
    expect([again.body, again.headers['idempotency-replayed']]).toEqual([made.body, 'true']);
    expect((await from.call('POST', `/api/v1/secret/${made.json().secret_key}`)).status).toBe(200);
    expect((await call(from.adminUrl, 'GET', '/readyz')).status).toBe(200);
    await expect.poll(() => from.log().filter(({ what }) => what === 'learn').length).toBeGreaterThan(0);
    makeRoom();
    const learned = (): Promise<number> => from.metric('onetime_gateway_key_learned_total{result="stored"}');
    const before = await learned();
    expect((await create(from)).status).toBe(200);
    await expect.poll(learned).toBeGreaterThan(before);
    const { faults, records } = await verified(from);
    expect(faults).toEqual([]);
    expect(records.length).toBeGreaterThan(5);
    expect((await from.stop('SIGTERM')).code).toBe(0);
  }, 60_000);
});
