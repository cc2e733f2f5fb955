// The audit log as it is opened by the thread that writes it.
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

it('is nothing where there is none', async () => {
  const audit = openAudit(undefined, LOG, CLOCKS);
  audit.sink.begins();
  audit.sink.append('request', '"n":1');
  expect([audit.sink.refuses(), audit.journal, audit.tools]).toEqual([false, undefined, undefined]);
  await audit.close();
});
