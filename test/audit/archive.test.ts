// Rotated files: when they come, what they are called, how they are compressed, and how they go.
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { archiveOf, listArchives, readArchiveName } from '../../src/audit/files.ts';
import { type AuditLab, openAuditLab, requestInside } from './support.ts';

const DAY_MS = 86_400_000;
let lab: AuditLab;
afterEach(() => lab[Symbol.asyncDispose]());

const archives = (): string[] => readdirSync(lab.folder).filter((name) => readArchiveName(name) !== undefined);
const kindsOf = (name: string): string[] => {
  const bytes = readFileSync(join(lab.folder, name));
  const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).kind);
};

async function request(): Promise<void> {
  lab.journal.append('request', requestInside());
  await lab.journal.flush();
}

describe('a new file', () => {
  it('begins with the first record of a day, and the old one ends with a signed head', async () => {
    lab = openAuditLab();
    await request();
    lab.advance(11 * 3_600_000);
    await request();
    expect(archives()).toEqual([]);
    lab.advance(2 * 3_600_000);
    await request();
    expect(archives()).toEqual(['audit-000000000001-20260302T010000Z.jsonl']);
    expect(kindsOf('audit-000000000001-20260302T010000Z.jsonl')).toEqual([
      'opened',
      'head',
      'request',
      'head',
      'request',
      'head',
    ]);
    expect(lab.records().map(({ seq, kind }) => [seq, kind])).toEqual([[7, 'request']]);
    expect(await lab.verify()).toMatchObject({ good: true, records: 7 });
    expect(lab.events).toMatchObject([{ kind: 'rotated' }]);
  });

  it('begins each hour where that is asked for, and never by the clock where that is', async () => {
    lab = openAuditLab({ rotate: { sizeBytes: 1e9, every: 'hour' } });
    await request();
    lab.advance(3_600_000);
    await request();
    expect(archives()).toHaveLength(1);
    await lab.reopen({ rotate: { sizeBytes: 1e9, every: 'never' } });
    lab.advance(40 * DAY_MS);
    await request();
    expect(archives()).toHaveLength(1);
  });

  it('begins before the old one grows over its size', async () => {
    lab = openAuditLab({ rotate: { sizeBytes: 4096, every: 'never' } });
    for (let number = 0; number < 50; number++) {
      lab.advance(1000);
      await request();
    }
    const names = archives();
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) {
      // The head comes on top.
      expect(statSync(join(lab.folder, name)).size).toBeLessThan(4096 + 600);
      expect(kindsOf(name).at(-1)).toBe('head');
    }
    expect(await lab.verify()).toMatchObject({ good: true });
  });

  it('does not begin when the clock is set back', async () => {
    lab = openAuditLab();
    await request();
    lab.advance(-3 * DAY_MS);
    await request();
    expect(archives()).toEqual([]);
    expect(await lab.verify()).toMatchObject({ good: true });
  });

  it('begins after a start on a later day, behind the record of the opening', async () => {
    lab = openAuditLab();
    await request();
    await lab.journal.close();
    lab.advance(2 * DAY_MS);
    await lab.reopen();
    await request();
    const [name = ''] = archives();
    expect(kindsOf(name)).toEqual(['opened', 'head', 'request', 'closed', 'head', 'opened', 'head']);
    expect(lab.records().map(({ kind }) => kind)).toEqual(['request']);
    expect(await lab.verify()).toMatchObject({ good: true });
  });
});

describe('compressing', () => {
  it('leaves one file, whole, and the log verifies as before', async () => {
    lab = openAuditLab({ compress: true });
    for (let number = 0; number < 500; number++) lab.journal.append('request', requestInside({ number }));
    await lab.journal.flush();
    lab.advance(DAY_MS);
    await request();
    const name = 'audit-000000000001-20260302T120000Z.jsonl';
    await expect.poll(archives, { interval: 10, timeout: 10_000 }).toEqual([`${name}.gz`]);
    expect(kindsOf(`${name}.gz`)).toHaveLength(503);
    expect(await lab.verify()).toMatchObject({ good: true, records: 504 });
  });

  it('that was interrupted is done after the next start, also where both files are there', async () => {
    lab = openAuditLab({ compress: false });
    await request();
    lab.advance(DAY_MS);
    await request();
    const name = 'audit-000000000001-20260302T120000Z.jsonl';
    writeFileSync(join(lab.folder, `${name}.gz.partial`), 'half');
    writeFileSync(join(lab.folder, `${name}.gz`), 'not whole');
    expect(await lab.verify()).toMatchObject({ good: true });
    await lab.reopen({ compress: true });
    await expect.poll(archives, { interval: 10, timeout: 10_000 }).toEqual([`${name}.gz`]);
    expect(existsSync(join(lab.folder, `${name}.gz.partial`))).toBe(false);
    expect(await lab.verify()).toMatchObject({ good: true });
  });
});

describe('files whose time is over', () => {
  it('are removed from the oldest on, and the log says which, so that it still verifies', async () => {
    lab = openAuditLab({ keepMs: 10 * DAY_MS });
    for (let day = 0; day < 5; day++) {
      await request();
      lab.advance(DAY_MS);
    }
    await request();
    expect(archives()).toHaveLength(5);
    lab.advance(8 * DAY_MS);
    await lab.reopen({ keepMs: 10 * DAY_MS });
    // That they are removed is the first record of a new day, and so of a new file.
    // Told when the last of them is gone.
    const isPruned = (): boolean => lab.events.some(({ kind }) => kind === 'pruned');
    await expect.poll(isPruned, { interval: 10, timeout: 10_000 }).toBe(true);
    expect(archives()).toHaveLength(4);
    await lab.journal.flush();
    const pruned = lab.records().filter(({ kind }) => kind === 'pruned');
    expect(pruned).toMatchObject([
      { first: 1, through: 4 },
      { first: 5, through: 6 },
    ]);
    expect(lab.events).toContainEqual({ kind: 'pruned', files: 2, through: 6 });
    expect(await lab.verify()).toMatchObject({ good: true, first: { seq: 7 } });
  });

  it('stay while the clock that says so may be wrong', async () => {
    let settled = false;
    lab = openAuditLab({ keepMs: 10 * DAY_MS }, () => settled);
    await request();
    lab.advance(DAY_MS);
    await request();
    lab.advance(20 * 365 * DAY_MS);
    await lab.reopen();
    await request();
    // Two files: the first day's, and the one that the clock has ended.
    expect(archives()).toHaveLength(2);
    expect(lab.events.filter(({ kind }) => kind === 'pruned')).toEqual([]);
    settled = true;
    await lab.reopen();
    await expect.poll(() => lab.events.filter(({ kind }) => kind === 'pruned').length, { timeout: 10_000 }).toBe(1);
    expect(await lab.verify()).toMatchObject({ good: true });
  });

  it('are missed when somebody else removed one more', async () => {
    lab = openAuditLab({ keepMs: 10 * DAY_MS, compress: true });
    for (let day = 0; day < 3; day++) {
      await request();
      lab.advance(DAY_MS);
    }
    await request();
    await expect
      .poll(() => archives().every((name) => name.endsWith('.gz')), { interval: 10, timeout: 10_000 })
      .toBe(true);
    const [first] = listArchives(lab.options.file);
    rmSync(first?.compressed ?? '');
    const { good, faults } = await lab.verify();
    expect(good).toBe(false);
    expect(faults.map(({ says }) => says)).toEqual([
      'records 1 to 4 are missing, and the log does not say that they were removed when their time was over',
    ]);
  });
});

describe('names', () => {
  it.each(['data/audit.jsonl', '/var/log/gateway', 'a.b.log'])('of %s are read back', (file) => {
    const name = archiveOf(file, 17, Date.parse('2026-03-01T12:00:00Z'));
    expect(readArchiveName(name)).toEqual({ first: 17, closedMs: Date.parse('2026-03-01T12:00:00Z') });
  });

  it.each(['audit.jsonl', 'audit-1-20260301T120000Z.jsonl', 'audit-000000000001-20261301T120000Z.jsonl', ''])(
    'such as %j are none of a rotated file',
    (name) => {
      expect(readArchiveName(name)).toBeUndefined();
    },
  );
});
