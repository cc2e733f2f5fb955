// The audit log as operators see it, on the gateway that writes it: its end, how it is, and whether it holds together.
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditedLab, type AuditedOptions, openAudited } from '../support/audited.ts';
import { call, type Reply } from '../support/http.ts';
import { BRUNO } from '../support/lab.ts';
import { until } from '../support/redis.ts';

const TOKEN = `otga_${'t'.repeat(43)}`;
const admin = {
  host: '127.0.0.1',
  port: 0,
  tokens: [{ name: 'test', role: 'read', hash: `sha256:${createHash('sha256').update(TOKEN).digest('hex')}` }],
};

let lab: AuditedLab;
beforeEach(async () => {
  lab = await open();
});
afterEach(() => lab[Symbol.asyncDispose]());

const open = (audit: AuditedOptions['audit'] = {}): Promise<AuditedLab> => openAudited({ audit, config: { admin } });

async function reopen(audit: AuditedOptions['audit']): Promise<void> {
  await lab[Symbol.asyncDispose]();
  lab = await open(audit);
}

function ask(method: string, path: string, headers = { authorization: `Bearer ${TOKEN}` }): Promise<Reply> {
  return call(lab.gateway.adminUrl, method, `/admin/v1/audit${path}`, { headers });
}

/** Changes the log behind the gateway's back. */
function tamper(change: (text: string) => string): void {
  writeFileSync(lab.file, change(readFileSync(lab.file, 'utf8')));
}

describe('its end', () => {
  it('is the last records as they lie on the disk, oldest first, and how the log is', async () => {
    const reply = await lab.call('GET', '/api/v1/private/recent', { as: BRUNO });
    const record = await lab.recordOf(reply);
    const shown = (await ask('GET', '?count=2')).json();
    expect(shown.records).toEqual(lab.records().slice(-2));
    expect(shown.records).toContainEqual(record);
    expect(shown.readings).toMatchObject({ sequence: record.seq, failing: false, lost: 0 });
    expect(shown.readings).toMatchObject({ written: { request: 1, verify: 1, opened: 1, gap: 0 } });
  });

  it('begins with what is in force', async () => {
    await lab.record('reload');
    const { records } = (await ask('GET', '?count=200')).json() as { records: { kind: string }[] };
    expect(records.map(({ kind }) => kind)).toEqual(['opened', 'head', 'reload']);
    expect(records[2]).toMatchObject({ result: 'started', version: 'test' });
  });

  it('says while nothing can be written, and shows what was written before', async () => {
    await reopen({ heads: '20ms' });
    await lab.record('reload');
    renameSync(lab.file, `${lab.file}.away`);
    const readings = async () =>
      (await ask('GET', '?count=1')).json().readings as { failing: boolean; failures: number };
    await lab.call('GET', '/eu/api/v1/status');
    await until(async () => (await readings()).failing);
    expect((await readings()).failures).toBeGreaterThan(0);
    renameSync(`${lab.file}.away`, lab.file);
    await until(async () => !(await readings()).failing);
  });

  it('is for those with a token', async () => {
    for (const [method, path] of [
      ['GET', '?count=1'],
      ['POST', '/verification'],
    ] as const) {
      expect((await ask(method, path, { authorization: 'Bearer otga_wrong' })).status).toBe(401);
    }
  });
});

describe('its verification', () => {
  it('is good, of what was taken just now, too', async () => {
    for (let turn = 0; turn < 5; turn++) await lab.call('GET', '/eu/api/v1/status');
    const verdict = (await ask('POST', '/verification')).json();
    expect(verdict).toMatchObject({ good: true, files: 1, faults: [] });
    expect(verdict.records).toBe(lab.records().length);
    expect(verdict.records).toBeGreaterThanOrEqual(8);
  });

  it.each([
    ['a record that was changed', (text: string) => text.replace('"region":"eu"', '"region":"us"')],
    ['a record that was dropped', (text: string) => text.replace(/^.*"kind":"request".*\n/m, '')],
  ])('finds %s while the gateway goes on, and says where', async (_what, change) => {
    for (let turn = 0; turn < 3; turn++) await lab.recordOf(await lab.call('GET', '/eu/api/v1/status'));
    tamper(change);
    const verdict = (await ask('POST', '/verification')).json();
    expect(verdict.good).toBe(false);
    expect(verdict.faults).toContainEqual({ file: lab.file, line: expect.any(Number), what: expect.any(String) });
    expect((await lab.call('GET', '/eu/api/v1/status')).status).toBe(200);
  });

  it('covers the files that were closed', async () => {
    await reopen({ rotate: { size: '4KiB' } });
    for (let turn = 0; turn < 20; turn++) await lab.recordOf(await lab.call('GET', '/eu/api/v1/status'));
    const verdict = (await ask('POST', '/verification')).json();
    expect(verdict).toMatchObject({ good: true, faults: [] });
    expect(verdict.files).toBeGreaterThan(2);
  });
});

it('there is none where it is off', async () => {
  await reopen({ file: null });
  for (const reply of [await ask('GET', '?count=1'), await ask('POST', '/verification')]) {
    expect([reply.status, reply.json().error]).toEqual([409, 'audit_off']);
  }
});
