// What verification finds: every way to change a log that somebody thought of, named with its place.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { appendFileSync, copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { headLine, headMessage } from '../../src/audit/head.ts';
import { fingerprintOf, publicKeysBeside } from '../../src/audit/key.ts';
import { lineHash } from '../../src/audit/record.ts';
import { type AuditVerdict, verifyAudit } from '../../src/audit/verify.ts';
import { type AuditLab, openAuditLab, requestInside } from './support.ts';

const DAY_MS = 86_400_000;
let lab: AuditLab;
/** Three files: records 1 to 6, 7 to 11, 12 to 16; the first one is compressed. */
beforeEach(async () => {
  lab = openAuditLab();
  for (let day = 0; day < 3; day++) {
    if (day > 0) lab.advance(DAY_MS);
    for (let number = 0; number < (day === 1 ? 4 : 3); number++) {
      lab.journal.append('request', requestInside({ number: day * 10 + number }));
    }
    await lab.journal.flush();
  }
  await lab.journal.close();
  writeFileSync(`${first()}.gz`, gzipSync(readFileSync(first())));
  rmSync(first());
});
afterEach(() => lab[Symbol.asyncDispose]());

const first = (): string => join(lab.folder, 'audit-000000000001-20260302T120000Z.jsonl');
const second = (): string => join(lab.folder, 'audit-000000000007-20260303T120000Z.jsonl');
const current = (): string => lab.options.file;
const linesOf = (file: string): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1);
const write = (file: string, lines: readonly string[]): void => writeFileSync(file, `${lines.join('\n')}\n`);
const change = (file: string, to: (lines: string[]) => string[]): void => write(file, to(linesOf(file)));

/** `file:line what seq`, each fault. */
const told = ({ faults }: AuditVerdict): string[] =>
  faults.map(({ file, line, what, seq }) => `${basename(file)}:${line ?? '-'} ${what} ${seq ?? '-'}`);

/** Lines chained anew, as somebody without the key would do it. */
function rechain(lines: readonly string[], prev: string): string[] {
  let before = prev;
  return lines.map((line) => {
    const chained = line
      .replace(/"prev":"[0-9a-f]{64}"/, `"prev":"${before}"`)
      .replace(/("at":\d+,"hash":")[0-9a-f]{64}/, `$1${before}`);
    before = lineHash(chained);
    return chained;
  });
}

describe('a log as it was written', () => {
  it('is good', async () => {
    expect(await lab.verify()).toMatchObject({
      good: true,
      files: [`${first()}.gz`, second(), current()],
      records: 16,
      first: { seq: 1, time: '2026-03-01T12:00:00.000Z' },
      last: { seq: 16, time: '2026-03-03T12:00:00.000Z' },
      heads: 4,
      signedTo: 15,
      unsigned: 0,
      heldAgainst: ['head file'],
      faults: [],
      faultCount: 0,
    });
  });

  it('is good by its files alone, in any order, and says that its end is held to nothing', async () => {
    const copies = [current(), second(), `${first()}.gz`].map((file) => {
      const copy = join(lab.folder, '..', basename(file));
      copyFileSync(file, copy);
      return copy;
    });
    expect(await verifyAudit({ files: copies, publicKeys: keys() })).toMatchObject({
      good: true,
      records: 16,
      heldAgainst: [],
    });
  });

  it('is good held to a record that was noted, and not to another', async () => {
    const [, line = ''] = linesOf(second());
    const head = { seq: 8, hash: lineHash(line) };
    expect(await lab.verify({ head })).toMatchObject({ good: true, heldAgainst: ['head file', 'given head'] });
    expect(told(await lab.verify({ head: { ...head, hash: 'ab'.repeat(32) } }))).toEqual([
      'audit-000000000007-20260303T120000Z.jsonl:2 changed 8',
    ]);
    expect(told(await lab.verify({ head: { ...head, seq: 99 } }))).toEqual(['audit.jsonl:- cut_off 99']);
  });

  it('is good while it is written, with what is not signed yet counted', async () => {
    await lab.reopen();
    for (let number = 0; number < 5; number++) lab.journal.append('request', requestInside({ number }));
    await lab.journal.flush();
    expect(await lab.verify()).toMatchObject({ good: true, unsigned: 5 });
  });

  it('tells how far it has come', async () => {
    const seen: number[] = [];
    const verdict = await verifyAudit({ file: current(), publicKeys: keys() }, ({ bytes, totalBytes }) =>
      seen.push(bytes / totalBytes),
    );
    expect(seen.at(-1)).toBe(1);
    expect(verdict.bytes).toBeGreaterThan(1000);
  });
});

function keys(): KeyObject[] {
  return publicKeysBeside(lab.options.keyFile).map(({ key }) => key);
}

describe('a record', () => {
  const SECOND = 'audit-000000000007-20260303T120000Z.jsonl';

  it.each<[string, (lines: string[]) => string[], string[]]>([
    [
      'changed',
      (lines) => lines.with(1, (lines[1] ?? '').replace('"region":"eu"', '"region":"us"')),
      [`${SECOND}:2 changed 8`],
    ],
    [
      'changed in its number',
      (lines) => lines.with(1, (lines[1] ?? '').replace('"seq":8', '"seq":9')),
      [`${SECOND}:2 changed 8`],
    ],
    [
      'changed in its hash of the one before',
      (lines) => lines.with(2, (lines[2] ?? '').replace(/"prev":"../, '"prev":"zz')),
      [`${SECOND}:3 changed 9`],
    ],
    [
      'changed in its kind',
      (lines) => lines.with(1, (lines[1] ?? '').replace('"kind":"request"', '"kind":"spam"')),
      [`${SECOND}:2 not_a_record 8`],
    ],
    ['no longer JSON', (lines) => lines.with(1, 'hello'), [`${SECOND}:2 not_a_record 8`]],
    ['emptied', (lines) => lines.with(1, ''), [`${SECOND}:2 not_a_record 8`]],
    ['dropped', (lines) => lines.toSpliced(1, 1), [`${SECOND}:2 missing 8`]],
    ['dropped with the next one', (lines) => lines.toSpliced(1, 2), [`${SECOND}:2 missing 8`]],
    ['written twice', (lines) => lines.toSpliced(1, 0, lines[1] ?? ''), [`${SECOND}:3 misplaced 8`]],
    [
      'moved',
      (lines) => [lines[0], lines[2], lines[1], ...lines.slice(3)].map(String),
      [`${SECOND}:2 missing 8`, `${SECOND}:3 misplaced 8`],
    ],
    [
      'of another place put in',
      (lines) => lines.toSpliced(2, 0, (lines[0] ?? '').replace('"seq":7', '"seq":70')),
      [`${SECOND}:3 missing 9`, `${SECOND}:4 misplaced 9`, `${SECOND}:5 misplaced 10`, `${SECOND}:6 misplaced 11`],
    ],
    ['that is no record put in', (lines) => lines.toSpliced(2, 0, '{"hello":1}'), [`${SECOND}:3 not_a_record 9`]],
  ])('%s is found', async (name, to, expected) => {
    change(second(), to);
    const verdict = await lab.verify();
    expect(verdict.good).toBe(false);
    expect(told(verdict).slice(0, expected.length)).toEqual(expected);
    // Nothing is wrong with what follows.
    if (!name.includes('put in')) expect(verdict.faultCount).toBe(expected.length);
  });

  it('changed, with the chain made anew behind it, does not fit the signatures', async () => {
    change(current(), (lines) => {
      const changed = lines.with(1, (lines[1] ?? '').replace('"region":"eu"', '"region":"us"'));
      return rechain(changed, linesOf(second()).map(lineHash).at(-1) ?? '');
    });
    const found = told(await lab.verify());
    expect(found).toContain('audit.jsonl:5 signature 16');
    expect(found).toContain('audit.jsonl:5 changed 16');
  });
});

describe('a head', () => {
  it('of another key is found, and so is a copied signature', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const lines = linesOf(current());
    const { at, hash, time } = JSON.parse(lines.at(-1) ?? '');
    const signature = sign(null, headMessage({ at, hash, time }), privateKey).toString('base64');
    const forged = headLine({ at, hash, time, signature, key: fingerprintOf(publicKey) });
    write(current(), lines.with(-1, forged));
    expect(told(await lab.verify())).toEqual(['audit.jsonl:5 changed 16', 'audit.jsonl:5 foreign_key 16']);
    const key = lab.journal.head()?.key ?? '';
    write(current(), lines.with(-1, headLine({ at, hash, time, signature, key })));
    expect(told(await lab.verify())).toEqual(['audit.jsonl:5 changed 16', 'audit.jsonl:5 signature 16']);
  });

  it('may not be left out: records between heads are no further apart than the gateway promised', async () => {
    await lab.reopen({ headsMs: 1000 });
    for (let number = 0; number < 5; number++) {
      lab.advance(600);
      lab.journal.append('request', requestInside({ number }));
    }
    await lab.journal.close();
    const lines = linesOf(current());
    const at = lines.findIndex((line, index) => index > 7 && line.includes('"kind":"head"'));
    // As somebody without the key: the head taken out, all numbers and hashes made anew, and no later head.
    const forged = rechain(
      lines
        .toSpliced(at, 1)
        .map((line) =>
          line.replace(/"seq":(\d+)/, (_, seq) => `"seq":${Number(seq) - (Number(seq) > at + 12 ? 1 : 0)}`),
        ),
      linesOf(second()).map(lineHash).at(-1) ?? '',
    ).filter((line, index) => index < at || !line.includes('"kind":"head"'));
    write(current(), forged);
    rmSync(`${current()}.head`);
    expect(told(await lab.verify()).join('\n')).toMatch(/unsigned/);
  });
});

describe('files', () => {
  it.each<[string, () => void, string[]]>([
    ['missing at the start', () => rmSync(`${first()}.gz`), ['audit.jsonl:- missing 1']],
    ['missing in the middle', () => rmSync(second()), ['audit.jsonl:1 missing 7']],
    [
      'missing at the end',
      () => rmSync(current()),
      ['audit.jsonl:- unreadable -', 'audit-000000000007-20260303T120000Z.jsonl:- cut_off 16'],
    ],
    ['cut off between lines', () => change(current(), (lines) => lines.slice(0, -2)), ['audit.jsonl:- cut_off 16']],
    [
      'cut off within a line',
      () => writeFileSync(current(), readFileSync(current()).subarray(0, -9)),
      ['audit.jsonl:5 cut_off 16', 'audit.jsonl:- cut_off 16'],
    ],
    [
      'cut off in the middle of the log',
      () => change(second(), (lines) => lines.slice(0, -1)),
      ['audit-000000000007-20260303T120000Z.jsonl:4 cut_off 10', 'audit.jsonl:1 missing 11'],
    ],
    ['emptied', () => writeFileSync(second(), ''), ['audit.jsonl:1 missing 7']],
    [
      'exchanged',
      () => {
        renameSync(second(), `${second()}.x`);
        renameSync(current(), second());
        renameSync(`${second()}.x`, current());
      },
      ['audit-000000000007-20260303T120000Z.jsonl:1 missing 7', 'audit.jsonl:1 misplaced 7'],
    ],
    [
      'of another program',
      () => writeFileSync(current(), Buffer.alloc(1_000_000, 'x\n')),
      ['audit.jsonl:1 not_a_record 12'],
    ],
    [
      'with a damaged archive',
      () => writeFileSync(`${first()}.gz`, readFileSync(`${first()}.gz`).with(40, 0)),
      ['audit-000000000001-20260302T120000Z.jsonl.gz:- unreadable -'],
    ],
    [
      'with an archive that was cut off',
      () => writeFileSync(`${first()}.gz`, readFileSync(`${first()}.gz`).subarray(0, -20)),
      ['audit-000000000001-20260302T120000Z.jsonl.gz:- unreadable -'],
    ],
    ['without the file of the last head', () => rmSync(`${current()}.head`), ['audit.jsonl.head:- missing -']],
    [
      'with a file of the last head that is something else',
      () => appendFileSync(`${current()}.head`, ' '),
      ['audit.jsonl.head:- changed -'],
    ],
  ])('%s are found', async (_, tamper, expected) => {
    tamper();
    const verdict = await lab.verify();
    expect(verdict.good).toBe(false);
    expect(told(verdict).slice(0, expected.length).toSorted()).toEqual(expected.toSorted());
  });

  it('with a log cut off together with the file of the last head are found by a noted record alone', async () => {
    const last = linesOf(current()).at(-1) ?? '';
    const noted = { seq: 16, hash: lineHash(last) };
    rmSync(current());
    renameSync(second(), current());
    const { at, hash, time, signature, key } = JSON.parse(linesOf(current()).at(-1) ?? '');
    writeFileSync(`${current()}.head`, `${JSON.stringify({ at, hash, time, signature, key })}\n`);
    expect((await lab.verify()).good).toBe(true);
    expect(told(await lab.verify({ head: noted }))).toEqual(['audit.jsonl:- cut_off 16']);
  });

  it('that are not there at all are no good log', async () => {
    expect(await lab.verify({ file: join(lab.folder, 'none.jsonl') })).toMatchObject({ good: false, records: 0 });
  });

  it('with many faults show twenty, and count the others', async () => {
    const plain = gunzipSync(readFileSync(`${first()}.gz`)).toString();
    expect(existsSync(first())).toBe(false);
    writeFileSync(current(), `${plain}${'x\n'.repeat(100)}`);
    const { faults, faultCount } = await lab.verify();
    expect(faults).toHaveLength(20);
    expect(faultCount).toBeGreaterThan(100);
  });
});
