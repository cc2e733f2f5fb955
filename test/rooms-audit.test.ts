// The audit log as it is opened by the thread that writes it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { openAudit } from '../src/rooms-audit.ts';
import { readRecords } from './support/audited.ts';
import { openFolder } from './support/folder.ts';

const LOG = pino({ level: 'silent' });
const OPTIONS = {
  flushMs: 10,
  onFailure: 'refuse',
  headsMs: 60_000,
  rotate: { sizeBytes: 1e9, every: 'never' },
  keepMs: 1e12,
  compress: false,
} as const;

const DAY_MS = 86_400_000;

const CLOCKS = { now: Date.now, steady: () => performance.now() };

it('says when it closes how many requests never came to their records', async () => {
  using folder = openFolder();
  const file = join(folder.path, 'audit.jsonl');
  const audit = openAudit({ ...OPTIONS, file, keyFile: join(folder.path, 'audit.key') }, LOG, CLOCKS);
  for (let n = 0; n < 3; n++) audit.sink.begins();
  audit.sink.append('request', '"n":1');
  audit.sink.ends();
  await audit.close();
  const told = readRecords(file).filter(({ kind }) => kind !== 'head');
  expect(told.map(({ kind }) => kind)).toEqual(['opened', 'request', 'gap', 'closed']);
  expect(told[2]).toMatchObject({ lost: 2, why: 'under_way' });
  // Once: a start that fails closes what it has opened more than once.
  await audit.close();
  expect(readRecords(file).filter(({ kind }) => kind === 'closed')).toHaveLength(1);
});

it('keeps its old files where the machine starts with a clock that is years ahead', async () => {
  using folder = openFolder();
  const day = { file: join(folder.path, 'audit.jsonl'), keyFile: join(folder.path, 'audit.key'), keepMs: 10 * DAY_MS };
  const options = { ...OPTIONS, ...day, rotate: { sizeBytes: 1e9, every: 'day' }, compress: true } as const;
  const archives = () => readdirSync(folder.path).filter((name) => /\d.*\.gz$/.test(name)).length;

  let nowMs = Date.now() - DAY_MS;
  const before = openAudit(options, LOG, { ...CLOCKS, now: () => nowMs });
  before.sink.append('request', '"n":1');
  nowMs += DAY_MS;
  before.sink.append('request', '"n":2');
  await expect.poll(archives).toBe(1);
  await before.close();

  const after = openAudit(options, LOG, { ...CLOCKS, now: () => nowMs + 20 * 365 * DAY_MS });
  after.sink.append('request', '"n":3');
  // What is too old would be removed before this one is compressed.
  await expect.poll(archives).toBe(2);
  await after.close();
});

it('is nothing where there is none', async () => {
  const audit = openAudit(undefined, LOG, CLOCKS);
  audit.sink.begins();
  audit.sink.append('request', '"n":1');
  expect([audit.sink.refuses(), audit.journal, audit.tools]).toEqual([false, undefined, undefined]);
  await audit.close();
});
