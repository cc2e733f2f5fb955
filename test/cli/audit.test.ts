// `audit verify`, `audit head`, `audit key` and `audit tail`.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditFolder, openAuditFolder } from './audit-support.ts';

let made: AuditFolder;
beforeEach(async () => {
  made = await openAuditFolder();
});
afterEach(() => made[Symbol.dispose]());

const audit = (...args: string[]) => made.run('audit', ...args, '--config', made.config);
const tamper = (): void =>
  writeFileSync(made.file, readFileSync(made.file, 'utf8').replace('"region":"eu"', '"region":"us"'));

describe('audit verify', () => {
  it('says that the log of the configuration is good, and how far it is signed', async () => {
    const { code, stdout, stderr } = await audit('verify');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      'good: 15 records in 3 files',
      'records    1 to 15, 2026-03-01T12:00:00.000Z to 2026-03-03T12:00:00.000Z',
      'signed     up to record 14, 2026-03-03T12:00:00.000Z, by 4 heads; 0 records behind it',
      'held to    head file',
      '',
    ]);
  });

  it('exits 1 and names the place of what was changed', async () => {
    tamper();
    const { code, stdout } = await audit('verify');
    expect(code).toBe(1);
    expect(stdout).toContain(`${made.file}:1: record 11 was changed\nnot good: 1 fault in 15 records in 3 files\n`);
  });

  it('prints JSON', async () => {
    tamper();
    const { code, stdout } = await audit('verify', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      good: false,
      records: 15,
      signed_to: 14,
      held_against: ['head file'],
      fault_count: 1,
      faults: [{ file: made.file, line: 1, seq: 11, what: 'changed', says: 'record 11 was changed' }],
    });
  });

  it('takes files and a public key, without any configuration', async () => {
    const names = ['audit-000000000001-20260302T120000Z.jsonl', 'audit-000000000007-20260303T120000Z.jsonl'];
    const files = names.map((name) => join('data', name));
    const { code, stdout } = await made.run('audit', 'verify', ...files, '--public-key', 'data/audit.key.pub');
    expect(code).toBe(0);
    expect(stdout).toContain('good: 10 records in 2 files');
    expect(stdout).toContain('held to    nothing from elsewhere: give --head');
  });

  it('holds the log to a record that was noted', async () => {
    const last = readFileSync(made.file, 'utf8').trimEnd().split('\n').at(-1) ?? '';
    const { at, hash } = JSON.parse(last);
    expect((await audit('verify', '--head', `${at}:${hash}`)).stdout).toContain('held to    head file, given head');
    const { code, stdout } = await audit('verify', '--head', `99:${hash}`);
    expect(code).toBe(1);
    expect(stdout).toContain('the log ends with record 15, but the given head names record 99: its end was cut off');
  });

  it.each<[string, string[], number, string]>([
    ['a head that is none', ['--head', '5'], 64, 'Expected NUMBER:HASH'],
    ['a key that is not there', ['--public-key', 'none.pub'], 1, 'none.pub cannot be read: there is no such file.'],
    ['a key that is none', ['--public-key', 'gateway.yaml'], 1, 'gateway.yaml is not an Ed25519 public key in PEM'],
    ['a private key', ['--public-key', 'data/audit.key'], 1, 'data/audit.key is not an Ed25519 public key in PEM'],
  ])('refuses %s', async (_, args, code, says) => {
    const told = await audit('verify', ...args);
    expect(told.code).toBe(code);
    expect(told.stderr).toContain(says);
    expect(told.stdout).toBe('');
  });

  it('says that there is no log, no key, or that none is kept', async () => {
    rmSync(made.file);
    const gone = await audit('verify');
    expect(gone).toMatchObject({ code: 1, stdout: expect.stringContaining('cannot be read: there is no such file') });
    rmSync(`${made.keyFile}.pub`);
    const noKey = await audit('verify');
    expect(noKey).toMatchObject({ code: 78, stderr: expect.stringContaining('There is no public key at') });
    const off = made.folder.write('off.yaml', `${readFileSync(made.config, 'utf8')}audit: { file: null }\n`);
    expect(await made.run('audit', 'verify', '-c', off)).toMatchObject({
      code: 78,
      stderr: `${off} keeps no audit log: audit.file is null.\n`,
    });
  });
});

describe('audit head', () => {
  it('prints the newest signed record, to which the log is held from then on', async () => {
    const { code, stdout } = await audit('head');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^15:[0-9a-f]{64}\n$/) });
    expect((await audit('verify', '--head', stdout.trim())).stdout).toContain('given head');
    const { stdout: json } = await audit('head', '--json');
    expect(JSON.parse(json)).toMatchObject({ seq: 15, hash: stdout.trim().slice(3), time: '2026-03-03T12:00:00.000Z' });
  });

  it.each<[string, () => void, string]>([
    ['is not there', () => rmSync(`${made.file}.head`), 'is not there: nothing has been signed yet'],
    ['is something else', () => writeFileSync(`${made.file}.head`, '{}'), 'is not what the gateway writes there'],
    [
      'was changed',
      () => {
        const text = readFileSync(`${made.file}.head`, 'utf8');
        writeFileSync(`${made.file}.head`, text.replace('"at":14', '"at":13'));
      },
      'has no good signature',
    ],
  ])('prints none that %s', async (_, change, says) => {
    change();
    const { code, stdout, stderr } = await audit('head');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(says);
  });
});

describe('audit key', () => {
  it('prints the public key and its fingerprint, and nothing of the private one', async () => {
    const { code, stdout } = await audit('key');
    expect(code).toBe(0);
    const pem = readFileSync(`${made.keyFile}.pub`, 'utf8');
    const head = JSON.parse(readFileSync(`${made.file}.head`, 'utf8'));
    expect(stdout).toBe(`${pem}fingerprint  ${head.key}\n`);
    const { stdout: json } = await audit('key', '--json');
    expect(JSON.parse(json)).toEqual({ fingerprint: head.key, public_key: pem });
  });
});

describe('audit tail', () => {
  it('prints the last records', async () => {
    const { code, stdout } = await audit('tail', '-n', '3');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^2026-03-03T12:00:00\.000Z {8}13 {2}request .* route=v1\.secret\.retrieve .* region=eu /),
      '2026-03-03T12:00:00.000Z        14  closed',
      expect.stringMatching(/^2026-03-03T12:00:00\.000Z {8}15 {2}head {7}at=14 key=[0-9a-f]{64}$/),
    ]);
    const { stdout: json } = await audit('tail', '-n', '2', '--json');
    expect(JSON.parse(json)).toMatchObject([
      { seq: 14, kind: 'closed' },
      { seq: 15, kind: 'head' },
    ]);
  });

  it('refuses a number that is none', async () => {
    expect(await audit('tail', '-n', '0')).toMatchObject({ code: 64, stdout: '' });
  });
});
