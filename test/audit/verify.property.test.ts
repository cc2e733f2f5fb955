// Whatever is done to the files of a log, it is never called good unless it says the same as before.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listArchives } from '../../src/audit/files.ts';
import { publicKeysBeside } from '../../src/audit/key.ts';
import { lineHash, ZERO_HASH } from '../../src/audit/record.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import { type AuditLab, openAuditLab, requestInside } from './support.ts';

let lab: AuditLab;
let copy: string;
beforeAll(async () => {
  lab = openAuditLab({ rotate: { sizeBytes: 6000, every: 'never' }, headsMs: 5000 });
  for (let number = 0; number < 40; number++) {
    lab.advance(1000);
    lab.journal.append('request', requestInside({ number }));
    if (number === 20) await lab.reopen();
  }
  await lab.journal.close();
  const [first] = listArchives(lab.options.file);
  if (first === undefined) throw new Error('nothing was rotated');
  writeFileSync(first.compressed, gzipSync(readFileSync(first.plain)));
  rmSync(first.plain);
  copy = join(lab.folder, 'copy');
});
afterAll(() => lab[Symbol.asyncDispose]());

/** The files of the log and its last head. */
const files = (folder: string): string[] =>
  readdirSync(folder).filter((name) => /^audit(-.*)?\.jsonl(\.gz|\.head)?$/.test(name));

function restore(): void {
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy);
  for (const name of files(lab.folder)) copyFileSync(join(lab.folder, name), join(copy, name));
}

/** All that a log says: its lines in order, and its last head. */
function contentOf(folder: string): string {
  const read = (path: string): Buffer => {
    try {
      const bytes = readFileSync(path);
      return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
    } catch {
      return Buffer.from(`${path} cannot be read`);
    }
  };
  const file = join(folder, 'audit.jsonl');
  const parts = listArchives(file).map(({ plain, compressed, has }) => read(has.plain ? plain : compressed));
  return Buffer.concat([...parts, read(file), Buffer.from('|'), read(`${file}.head`)]).toString('latin1');
}

type Tamper = (path: string, at: number, other: number) => void;

function onBytes(edit: (bytes: Buffer, at: number, other: number) => Buffer): Tamper {
  return (path, at, other) => {
    const bytes = readFileSync(path);
    if (bytes.length > 0) writeFileSync(path, edit(bytes, at % bytes.length, other));
  };
}

/** On the lines, also of a compressed file. */
function onLines(edit: (lines: string[], at: number, other: number) => string[]): Tamper {
  return (path, at, other) => {
    const bytes = readFileSync(path);
    const isCompressed = path.endsWith('.gz');
    const text = (isCompressed ? gunzipSync(bytes) : bytes).toString();
    const lines = text.split('\n').slice(0, -1);
    if (lines.length === 0) return;
    const count = lines.length;
    const edited = edit(lines, at % count, other % count)
      .map((line) => `${line}\n`)
      .join('');
    writeFileSync(path, isCompressed ? gzipSync(edited) : edited);
  };
}

/** Numbers and hashes made anew from a line on, as far as one can without the key. */
function rechain(lines: readonly string[], from: number): string[] {
  let before = from === 0 ? ZERO_HASH : lineHash(lines[from - 1] ?? '');
  return lines.map((line, at) => {
    if (at < from) return line;
    const chained = line.replace(/"prev":"[0-9a-f]{64}"/, `"prev":"${before}"`);
    before = lineHash(chained);
    return chained;
  });
}

const swap = (line: string): string => line.replace('"region":"eu"', '"region":"us"');
const TAMPERS: Readonly<Record<string, Tamper>> = {
  'flip a bit': onBytes((bytes, at, other) => bytes.with(at, (bytes[at] ?? 0) ^ (1 << (other % 8))) as Buffer),
  'take out bytes': onBytes((bytes, at, other) =>
    Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + (other % 900))]),
  ),
  'put in bytes': onBytes((bytes, at, other) =>
    Buffer.concat([bytes.subarray(0, at), bytes.subarray(0, 1 + (other % 50)), bytes.subarray(at)]),
  ),
  'cut off': onBytes((bytes, at) => bytes.subarray(0, at)),
  'cut off the beginning': onBytes((bytes, at) => bytes.subarray(at)),
  'drop a line': onLines((lines, at) => lines.toSpliced(at, 1)),
  'drop lines': onLines((lines, at, other) => lines.toSpliced(at, 1 + other)),
  'repeat a line': onLines((lines, at, other) => lines.toSpliced(other, 0, lines[at] ?? '')),
  'exchange lines': onLines((lines, at, other) => lines.with(at, lines[other] ?? '').with(other, lines[at] ?? '')),
  'change a record': onLines((lines, at) => lines.with(at, swap(lines[at] ?? ''))),
  'change a record and chain anew': onLines((lines, at) => rechain(lines.with(at, swap(lines[at] ?? '')), at)),
  'drop a line and chain anew': onLines((lines, at) => rechain(lines.toSpliced(at, 1), at)),
  'leave out heads': onLines((lines) => lines.filter((line) => !line.includes('"kind":"head"'))),
  'leave out heads and chain anew': onLines((lines) =>
    rechain(
      lines.filter((line) => !line.includes('"kind":"head"')),
      0,
    ),
  ),
  'turn around': onLines((lines) => lines.toReversed()),
  'another line ending': onLines((lines) => lines.map((line) => `${line}\r`)),
  'an empty line': onLines((lines, at) => lines.toSpliced(at, 0, '')),
  'remove a file': (path) => rmSync(path),
  'empty a file': (path) => writeFileSync(path, ''),
  'exchange files': (path, _, other) => {
    const names = files(copy);
    const second = join(copy, names[other % names.length] ?? '');
    if (second === path) return;
    renameSync(path, `${path}.x`);
    renameSync(second, path);
    renameSync(`${path}.x`, second);
  },
  'copy over a file': (path, _, other) => {
    const names = files(copy);
    const second = join(copy, names[other % names.length] ?? '');
    if (second !== path) copyFileSync(second, path);
  },
};

it('is good as it is', async () => {
  restore();
  expect(await verify()).toMatchObject({ good: true, unsigned: 0 });
  expect(files(copy).length).toBeGreaterThan(5);
});

it('is never good when it says something else', async () => {
  const step = fc.record({
    what: fc.constantFrom(...Object.keys(TAMPERS)),
    file: fc.nat(1000),
    at: fc.nat(1_000_000),
    other: fc.nat(1_000_000),
  });
  const whole = contentOf(lab.folder);
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 3 }), async (steps) => {
      restore();
      for (const { what, file, at, other } of steps) {
        const names = files(copy);
        const path = join(copy, names[file % Math.max(1, names.length)] ?? '');
        try {
          TAMPERS[what]?.(path, at, other);
        } catch (error) {
          // What an earlier step has made of a compressed file may be none, and there may be no file left.
          if (!/Z_|ENOENT|EISDIR/.test(String(Reflect.get(Object(error), 'code')))) throw error;
        }
      }
      const isSame = contentOf(copy) === whole;
      const verdict = await verify();
      if (!isSame) for (const { what } of steps) seen.add(what);
      expect(verdict.good).toBe(isSame);
      if (!verdict.good) expect(verdict.faults[0]?.says).toMatch(/\S/);
    }),
    { numRuns: Number(process.env.AUDIT_RUNS ?? 300) },
  );
  expect([...seen].sort()).toEqual(Object.keys(TAMPERS).sort());
}, 600_000);

function verify() {
  const publicKeys = publicKeysBeside(lab.options.keyFile).map(({ key }) => key);
  return verifyAudit({ file: join(copy, 'audit.jsonl'), publicKeys });
}
