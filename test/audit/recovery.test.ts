// Opening a log again: after a process that was killed at any byte, and after somebody was at the files.
import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditOpenError, openJournal } from '../../src/audit/journal.ts';
import { publicKeysBeside } from '../../src/audit/key.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { start } from '../support/process.ts';
import { type AuditLab, openAuditLab, requestInside } from './support.ts';

let lab: AuditLab;
beforeEach(() => {
  lab = openAuditLab();
});
afterEach(() => lab[Symbol.asyncDispose]());

const EC_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
const CHILD = fileURLToPath(new URL('writer.child.ts', import.meta.url));

/** What opening says is wrong; `undefined` where it opens. */
async function openProblem(): Promise<string | undefined> {
  try {
    await openJournal(lab.options, { now: lab.now, observe: (event) => lab.events.push(event) }).close();
    return undefined;
  } catch (error) {
    if (error instanceof AuditOpenError) return error.message;
    throw error;
  }
}

async function writeSome(): Promise<void> {
  for (let number = 0; number < 3; number++) lab.journal.append('request', requestInside({ number }));
  await lab.journal.flush();
}

describe('a process that was killed', () => {
  it('at any byte of its last lines leaves a log that goes on, and says how many bytes were cut off', async () => {
    await writeSome();
    const whole = readFileSync(lab.options.file);
    const head = readFileSync(`${lab.options.file}.head`);
    await lab.journal.close();
    const lines = whole.toString().split('\n').slice(0, -1);
    const signed = Buffer.byteLength(`${lines.slice(0, 2).join('\n')}\n`);
    for (let length = signed; length <= whole.length; length += 7) {
      writeFileSync(lab.options.file, whole.subarray(0, length));
      writeFileSync(`${lab.options.file}.head`, head);
      lab.events.length = 0;
      expect(await openProblem(), `cut at ${length}`).toBeUndefined();
      const cut = length - 1 - whole.lastIndexOf('\n', length - 1);
      const opened = lab.records().filter(({ kind }) => kind === 'opened');
      expect(opened.at(-1), `cut at ${length}`).toMatchObject({ cut });
      expect(lab.events).toEqual(cut > 0 ? [{ kind: 'cut', bytes: cut }] : []);
      const verdict = await lab.verify();
      expect(verdict.faults, `cut at ${length}`).toEqual([]);
    }
  });

  it.each([1, 2, 3])('with SIGKILL while it wrote, rotated and compressed leaves a good log (%i)', async () => {
    using folder: Folder = openFolder();
    const file = join(folder.path, 'audit.jsonl');
    const keyFile = join(folder.path, 'audit.key');
    for (let round = 0; round < 3; round++) {
      await using child = await start(process.execPath, [CHILD, file, keyFile]);
      await child.line(/writing/);
      await child.line(/(at \d+\s+){8}/);
      child.kill('SIGKILL');
      await child.exited;
    }
    const options = { ...lab.options, file, keyFile };
    const journal = openJournal(options, { now: Date.now, observe: () => undefined });
    await journal.close();
    const publicKeys = publicKeysBeside(keyFile).map(({ key }) => key);
    const verdict = await verifyAudit({ file, publicKeys });
    expect(verdict.faults).toEqual([]);
    expect(verdict).toMatchObject({ good: true, unsigned: 0 });
    expect(verdict.files.length).toBeGreaterThan(2);
  });

  it('between renaming a file and beginning the next leaves a chain that goes on', async () => {
    await writeSome();
    await lab.journal.close();
    const archive = join(lab.folder, 'audit-000000000001-20260301T120000Z.jsonl');
    renameSync(lab.options.file, archive);
    expect(await openProblem()).toBeUndefined();
    expect(lab.records()[0]).toMatchObject({ seq: 8, kind: 'opened' });
    expect(await lab.verify()).toMatchObject({ good: true, records: 11, files: [archive, lab.options.file] });
  });
});

describe('beside a process that writes, rotates and compresses', () => {
  it('the log is good whenever it is verified, and nobody else may write it', async () => {
    using folder: Folder = openFolder();
    const file = join(folder.path, 'audit.jsonl');
    const keyFile = join(folder.path, 'audit.key');
    await using child = await start(process.execPath, [CHILD, file, keyFile]);
    await child.line(/at \d+/);
    const publicKeys = publicKeysBeside(keyFile).map(({ key }) => key);
    const counts = new Set<number>();
    // Until it has written, rotated and compressed meanwhile.
    for (let files = 0; files < 6 || counts.size < 5; ) {
      const verdict = await verifyAudit({ file, publicKeys });
      expect(verdict.faults).toEqual([]);
      counts.add(verdict.records);
      files = verdict.files.length;
    }
    const second = (): unknown => openJournal({ ...lab.options, file, keyFile }, { now: Date.now, observe: () => {} });
    expect(second).toThrow(/is being written by another gateway/);
  });
});

describe('what stands against going on', () => {
  beforeEach(async () => {
    await writeSome();
    await lab.journal.close();
  });
  const file = (): string => lab.options.file;
  const rewrite = (change: (text: string) => string): void =>
    writeFileSync(file(), change(readFileSync(file(), 'utf8')));

  it.each<[string, () => void, RegExp]>([
    [
      'a record that was changed',
      () => rewrite((text) => text.replace('"status":200', '"status":201')),
      /record 4 does not follow/,
    ],
    [
      'a line that was taken out',
      () => rewrite((text) => text.split('\n').toSpliced(3, 1).join('\n')),
      /record 5 does not follow/,
    ],
    ['a line that is no record', () => rewrite((text) => `${text}hello\n`), /what follows record 7 is not a record/],
    [
      'an end that is missing',
      () => rewrite((text) => text.split('\n').toSpliced(-3, 2).join('\n')),
      /it ends with record 5, but record 7 was signed: its end is missing/,
    ],
    ['a file that is gone', () => rmSync(file()), /it ends with record 0, but record 7 was signed/],
    [
      'a head with another signature',
      () => rewrite((text) => text.replace(/"signature":"..([^"]*","key":"[^"]*"\}\n)$/, '"signature":"AA$1')),
      /record 7 is a head with a wrong signature/,
    ],
    [
      'a .head that is something else',
      () => writeFileSync(`${file()}.head`, 'hello'),
      /audit\.jsonl\.head is not what the gateway writes there/,
    ],
    [
      'garbage without a line break',
      () => appendFileSync(file(), 'x'.repeat(200_000)),
      /its end is not a line of an audit log/,
    ],
  ])('%s: it says so, and changes nothing', async (_, tamper, says) => {
    tamper();
    const before = readBytes(file());
    expect(await openProblem()).toMatch(says);
    expect(readBytes(file())).toEqual(before);
  });

  it('is out of the way when the files were moved: a new log begins', async () => {
    rewrite((text) => text.replace('"status":200', '"status":201'));
    expect(await openProblem()).toContain('keep them as they are somewhere else');
    mkdirSync(join(lab.folder, 'old'));
    for (const name of ['audit.jsonl', 'audit.jsonl.head'])
      renameSync(join(lab.folder, name), join(lab.folder, 'old', name));
    expect(await openProblem()).toBeUndefined();
    expect(lab.records()[0]).toMatchObject({ seq: 1, kind: 'opened' });
  });
});

describe('the key', () => {
  it('of another name is made anew, the old public one is kept, and both verify the log', async () => {
    await writeSome();
    await lab.journal.close();
    rmSync(lab.options.keyFile);
    expect(await openProblem()).toBeUndefined();
    expect(publicKeysBeside(lab.options.keyFile)).toHaveLength(2);
    expect(await lab.verify()).toMatchObject({ good: true, unsigned: 0 });
    const [current] = publicKeysBeside(lab.options.keyFile);
    const verdict = await lab.verify({ publicKeys: current === undefined ? [] : [current.key] });
    expect(verdict.faults.map(({ what }) => what)).toEqual(['foreign_key', 'foreign_key']);
  });

  it.each<[string, (key: string) => void, RegExp]>([
    ['can be read by others', (key) => chmodSync(key, 0o644), /can be read by others \(mode 644\)\. Run: chmod 600/],
    ['is no key', (key) => writeFileSync(key, 'secret-canary\n'), /is not a private key in PEM\. Restore it/],
    ['is of another kind', (key) => writeFileSync(key, EC_KEY), /is a ec key; Ed25519 is needed/],
  ])('that %s stands against it, and no message holds any of it', async (_, change, says) => {
    await lab.journal.close();
    rmSync(lab.options.keyFile, { force: true });
    writeFileSync(lab.options.keyFile, '', { mode: 0o600 });
    change(lab.options.keyFile);
    const problem = await openProblem();
    expect(problem).toMatch(says);
    expect(problem).not.toContain('canary');
  });
});

function readBytes(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
