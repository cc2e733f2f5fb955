// The admin API on the gateway itself: configuration, reload, log level and audit log, over real sockets.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminLab, type AdminLabOptions, openAdminLab, READER } from './admin-lab.ts';
import { GOOD, RECORDS, REPORT } from './admin-tools.ts';

let lab: AdminLab;
beforeEach(async () => {
  lab = await openAdminLab();
});
afterEach(() => lab.close());

async function reopen(options: AdminLabOptions): Promise<void> {
  await lab.close();
  lab = await openAdminLab(options);
}

const ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  lab.ask(method, `/admin/v1${path}`, body, headers);
const asReader = { authorization: `Bearer ${READER}` };

describe('the configuration', () => {
  it('is shown value by value, to readers', async () => {
    const reply = await ask('GET', '/config', undefined, asReader);
    expect([reply.status, reply.json()]).toEqual([
      200,
      { values: [{ key: 'log.level', value: 'info', from: 'file', line: 3 }] },
    ]);
  });

  it('is reloaded in the name of who asks, and the report is the answer', async () => {
    const reply = await ask('POST', '/reload');
    expect([reply.status, reply.json()]).toEqual([200, REPORT]);
    expect(lab.tools.reloads).toEqual(['token:deploy']);
    const line = lab.log.map((text) => JSON.parse(text)).find(({ admin }) => admin === 'reload.run');
    expect(line).toMatchObject({ level: 30, actor: 'token:deploy', id: 'applied', msg: 'changed by an operator' });
    expect((await ask('GET', '/reload', undefined, asReader)).json()).toEqual({
      appliedAt: '2026-05-04T09:00:00.000Z',
      last: REPORT,
    });
  });

  it('that is refused is 422 with what is wrong, and no change in the log', async () => {
    const problems = ['g.yaml:4:1: errors: found "acurate", expected one of accurate, verbatim'];
    lab.tools.report = { ...REPORT, result: 'refused', changed: [], needsRestart: [], problems };
    const reply = await ask('POST', '/reload', {});
    expect(reply.status).toBe(422);
    expect(reply.json()).toEqual({
      error: 'reload_refused',
      message: 'The configuration is not good, so the one before stays in force.',
      ...lab.tools.report,
    });
    expect(lab.log.join('')).not.toContain('changed by an operator');
  });

  it.each([
    ['a reader', undefined, asReader, 403, 'role_insufficient'],
    ['nobody', undefined, { authorization: '' }, 401, 'token_unknown'],
    ['a page of another site', undefined, { origin: 'https://evil.example' }, 403, 'origin_refused'],
    ['a caller by a foreign name', undefined, { host: 'evil.example' }, 421, 'host_unknown'],
    ['a body with a file', { file: '/etc/passwd' }, {}, 400, 'input_invalid'],
    ['text', 'now', {}, 400, 'body_malformed'],
  ])('is not reloaded by %s', async (_who, body, headers, status, error) => {
    const reply = await ask('POST', '/reload', body, headers);
    expect([reply.status, reply.json().error]).toEqual([status, error]);
    expect(lab.tools.reloads).toEqual([]);
  });

  it.each([
    ['GET', '/config'],
    ['GET', '/reload'],
    ['POST', '/reload'],
  ])('without a file, %s %s is 409 with the way to have one', async (method, path) => {
    await reopen({ without: ['configuration'] });
    const reply = await ask(method, path);
    expect([reply.status, reply.json().error]).toEqual([409, 'configuration_fixed']);
    expect(reply.json().hint).toContain('--config');
  });
});

describe('the log level', () => {
  it('is told, and changed by who may', async () => {
    expect((await ask('GET', '/log-level', undefined, asReader)).json()).toEqual({ level: 'info' });
    expect((await ask('PUT', '/log-level', { level: 'trace' })).json()).toEqual({ level: 'trace' });
    expect((await ask('GET', '/log-level')).json()).toEqual({ level: 'trace' });
    const line = lab.log.map((text) => JSON.parse(text)).find(({ admin }) => admin === 'logLevel.put');
    expect(line).toMatchObject({ actor: 'token:deploy', id: 'trace' });
  });

  it.each([
    ['a reader', { level: 'trace' }, asReader, 403, 'role_insufficient'],
    ['a word that is none', { level: 'verbose' }, {}, 400, 'input_invalid'],
    ['a number', { level: 10 }, {}, 400, 'input_invalid'],
    ['nothing', undefined, {}, 400, 'input_invalid'],
    ['an unknown field', { level: 'debug', for: '5m' }, {}, 400, 'input_invalid'],
  ])('is not changed by %s', async (_what, body, headers, status, error) => {
    const reply = await ask('PUT', '/log-level', body, headers);
    expect([reply.status, reply.json().error]).toEqual([status, error]);
    expect((await ask('GET', '/log-level')).json()).toEqual({ level: 'info' });
  });

  it('says which words there are', async () => {
    const reply = await ask('PUT', '/log-level', { level: 'verbose' });
    expect(reply.json().message).toBe(
      'level: found a text, expected one of fatal, error, warn, info, debug, trace, silent.',
    );
  });

  it('that cannot be changed is 409', async () => {
    await reopen({ without: ['logLevel'] });
    for (const reply of [await ask('GET', '/log-level'), await ask('PUT', '/log-level', { level: 'info' })]) {
      expect([reply.status, reply.json().error]).toEqual([409, 'log_level_fixed']);
    }
  });
});

describe('the audit log', () => {
  it('shows its last records, oldest first, and how it is', async () => {
    const all = (await ask('GET', '/audit', undefined, asReader)).json();
    expect(all).toMatchObject({ readings: { sequence: 3, failing: false, headAgeMs: 0, head: null } });
    expect(all.records).toEqual(RECORDS);
    expect((await ask('GET', '/audit?count=1')).json().records).toEqual(RECORDS.slice(-1));
  });

  it.each(['count=0', 'count=201', 'count=x', 'count=1&count=2', 'last=1'])('refuses ?%s', async (query) => {
    expect((await ask('GET', `/audit?${query}`)).json().error).toBe('input_invalid');
  });

  it('is verified for readers, and says how long that took', async () => {
    const reply = await ask('POST', '/audit/verification', undefined, asReader);
    expect([reply.status, reply.json()]).toEqual([
      200,
      { at: expect.any(String), tookMs: expect.any(Number), good: true, records: 3, files: 1, faults: [] },
    ]);
  });

  it('tells what is wrong with it and where, of many the first', async () => {
    const fault = { file: 'audit.jsonl', line: 7, what: 'the hash of the record before does not fit' };
    lab.tools.verify = async () => ({
      ...GOOD,
      good: false,
      faults: [{ ...fault, line: undefined }, ...Array(30).fill(fault)],
    });
    const { good, faults } = (await ask('POST', '/audit/verification')).json();
    expect(good).toBe(false);
    expect(faults).toHaveLength(20);
    expect(faults).toEqual([{ ...fault, line: null }, ...Array(19).fill(fault)]);
  });

  it('is verified once at a time', async () => {
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    lab.tools.verify = async () => {
      begun.resolve();
      await end.promise;
      return GOOD;
    };
    const first = ask('POST', '/audit/verification');
    await begun.promise;
    const second = await ask('POST', '/audit/verification');
    expect([second.status, second.json().error]).toEqual([409, 'verification_running']);
    end.resolve();
    expect((await first).status).toBe(200);
    expect((await ask('POST', '/audit/verification')).status).toBe(200);
  });

  it('that takes too long is 503, and is not verified a second time meanwhile', async () => {
    await reopen({ verification: { boundMs: 20 } });
    const end = Promise.withResolvers<void>();
    lab.tools.verify = () => end.promise.then(() => GOOD);
    const slow = await ask('POST', '/audit/verification');
    expect([slow.status, slow.json().error]).toEqual([503, 'verification_slow']);
    expect(slow.json().hint).toContain('onetime-gateway audit verify');
    expect((await ask('POST', '/audit/verification')).status).toBe(409);
    end.resolve();
    await expect.poll(async () => (await ask('POST', '/audit/verification')).status).toBe(200);
  });

  it('that cannot be read is 500 without a word of why, and can be verified again', async () => {
    lab.tools.verify = () => Promise.reject(new Error('/secret/place/audit.jsonl'));
    const reply = await ask('POST', '/audit/verification');
    expect([reply.status, reply.json().error]).toEqual([500, 'internal_error']);
    expect(reply.body + lab.log.join('')).not.toContain('/secret/place');
    lab.tools.verify = async () => GOOD;
    expect((await ask('POST', '/audit/verification')).status).toBe(200);
  });

  it('that is off is 409 with the way to switch it on', async () => {
    await reopen({ without: ['audit'] });
    for (const reply of [await ask('GET', '/audit'), await ask('POST', '/audit/verification')]) {
      expect([reply.status, reply.json().error]).toEqual([409, 'audit_off']);
      expect(reply.json().hint).toContain('audit.file');
    }
  });
});
