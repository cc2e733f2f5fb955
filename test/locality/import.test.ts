// Files of accounts: what is read of them, and every fault with its line.

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accountKey } from '../../src/caller/credentials.ts';
import { didYouMean } from '../../src/config/problem.ts';
import type { RegionName } from '../../src/domain.ts';
import { createKeyedHash } from '../../src/keyed-hash.ts';
import { type Books, createBooks } from '../../src/locality/desk-books.ts';
import { FAULTS_SHOWN, type Format, prepareImport, readAccounts } from '../../src/locality/import.ts';
import { faultSentence } from '../../src/locality/import-line.ts';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite.ts';

const REGIONS = ['us', 'eu', 'ca'] as RegionName[];
let store: SqliteStore;
let books: Books;
beforeEach(() => {
  store = openSqliteStore(':memory:', { now: Date.now });
  const hashes = { current: createKeyedHash(Buffer.alloc(32, 1)), older: [] };
  books = createBooks({ store: store.directory, hashes, normalise: accountKey });
});
afterEach(() => store.close());

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** What is read of a file, in pieces of some bytes. */
async function read(text: string | Buffer, format: Format, size = 1_000_000) {
  const rows = [];
  let faults: string[] = [];
  let faultCount = 0;
  let lines = 0;
  const bytes = pieces(Buffer.from(text as string), size);
  for await (const { rows: some, so } of readAccounts(bytes, format, {
    books,
    regions: REGIONS,
    suggest: didYouMean,
  })) {
    rows.push(...some.map(({ line, name, region, pinned, also }) => ({ line, name, region, pinned, also })));
    faults = so.faults.map((fault) => faultSentence('f', fault));
    faultCount = so.faultCount;
    lines = so.lines;
  }
  return { rows, faults, faultCount, lines };
}

const ann = { name: 'ann@corp.example', region: 'eu', pinned: true, also: [] };

describe('CSV', () => {
  it('is read with a byte order mark, CRLF, quotes, empty lines, and names of all scripts', async () => {
    const text =
      '\ufeffName,Region,Pinned,Also\r\nann@corp.example,eu,,\r\n\r\n"o""neil",us,no,"ca, eu"\r\n日本@corp.example,ca,TRUE,us;eu|us\r\n';
    const { rows, faults } = await read(text, 'csv');
    expect(faults).toEqual([]);
    expect(rows).toEqual([
      { ...ann, line: 2 },
      { line: 4, name: 'o"neil', region: 'us', pinned: false, also: ['ca', 'eu'] },
      { line: 5, name: '日本@corp.example', region: 'ca', pinned: true, also: ['eu', 'us'] },
    ]);
  });

  it.each([
    ['columns in another order, account for name', 'region,account\neu,ann@corp.example\n'],
    ['semicolons, as some spreadsheets write', 'name;region\nann@corp.example;eu\n'],
    ['tabs', 'name\tregion\nann@corp.example\teu\n'],
    ['no line end at the end', 'name,region\nann@corp.example,eu'],
    ['old line ends', 'name,region\rann@corp.example,eu\r'],
    ['its own region among the others', 'name,region,also\nann@corp.example,eu,eu\n'],
  ])('is read with %s', async (_, text) => {
    expect(await read(text, 'csv')).toMatchObject({ rows: [{ ...ann, line: 2 }], faults: [] });
  });

  it('is read alike however the bytes arrive', async () => {
    const text = Buffer.from('\ufeffname,region,also\r\n"日本",eu,us\r\nx\u0301é😀,us,\r\n');
    const whole = await read(text, 'csv');
    expect(whole.rows).toHaveLength(2);
    for (const size of [1, 2, 3, 5, 7]) expect(await read(text, 'csv', size)).toEqual(whole);
  });

  it.each([
    ['ann,ue', 'f:2: region: found "ue", expected one of us, eu, ca. Did you mean "eu"?'],
    ['ann,EU', 'f:2: region: found "EU", expected one of us, eu, ca. Did you mean "eu"?'],
    ['ann,', 'f:2: region: found nothing, expected one of us, eu, ca'],
    [',eu', 'f:2: name: found nothing, expected the name of an account'],
    [
      'a:b,eu',
      'f:2: name: found "a:b", expected the name of an account, such as ops@corp.example. A name with a colon',
    ],
    ['a b,eu', 'f:2: name: found "a b", expected the name of an account'],
    ['ann,eu,maybe', 'f:2: pinned: found "maybe", expected true or false'],
    ['ann,eu,,xx us', 'f:2: also: found "xx", expected one of us, eu, ca'],
    ['ann,eu,true,us,ca', 'f:2: found 5 fields, expected 4, as in the header. Several other regions are separated'],
    ['ann,eu\nANN,eu', 'f:3: name: found "ANN", which line 2 has too, expected every account once'],
    ['ann,eu\n"b"x,eu', 'f:3: found a quote in the middle of a field, expected a quoted field'],
    ['ann,eu\n"b,eu\nc,us', 'found the end of the file within a quoted field, expected a quoted field'],
  ])('names the line and the fault of %j', async (lines, sentence) => {
    const { faults } = await read(`name,region,pinned,also\n${lines}\n`, 'csv');
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(sentence);
  });

  it.each([
    ['', 'f:1: found an empty file'],
    ['name\n', 'f:1: header: found no column region'],
    ['ann@corp.example,eu\nbob,us\n', 'f:1: header: found none of the columns, expected a header line: name (or'],
    ['sep=;\nname;region\nann;eu\n', 'f:1: header: found the line sep= of a spreadsheet'],
    ['email,region\nann,eu\n', 'Names of accounts stand in the column name.'],
    ['name,,region\nann,,eu\n', 'f:1: header: found a column without a name'],
    ['nmae,region\n', 'Did you mean "name"?'],
    ['name,account,region\n', 'f:1: header: found the column name twice'],
    ['hash,region,pinned,also,epoch\n', 'An export holds hashes in place of names'],
  ])('without a good header is not read further: %j', async (text, sentence) => {
    const { faults, rows } = await read(`${text}`, 'csv');
    expect(faults.join('\n')).toContain(sentence);
    expect(rows).toEqual([]);
  });

  it('in another encoding is refused, at the line where it shows', async () => {
    const { faults } = await read(Buffer.from('name,region\nann,eu\nj\u00fcrgen,us\n', 'latin1'), 'csv');
    expect(faults).toEqual([expect.stringContaining('f:3: found bytes that are not UTF-8')]);
  });

  it('with a quote that is never closed is not read into memory', async () => {
    const { faults } = await read(`name,region\n"ann,eu\n${'bob,us\n'.repeat(100_000)}`, 'csv');
    expect(faults).toEqual([expect.stringContaining('A quote before it may never have been closed')]);
  });
});

describe('JSON Lines', () => {
  it('is read with empty lines and CRLF', async () => {
    const text =
      '{"name":"ann@corp.example","region":"eu"}\r\n\r\n{"account":"b","region":"us","pinned":false,"also":["ca"]}';
    expect(await read(text, 'jsonl')).toMatchObject({
      rows: [
        { ...ann, line: 1 },
        { line: 3, name: 'b', region: 'us', pinned: false, also: ['ca'] },
      ],
      faults: [],
    });
  });

  it.each([
    ['{"name":"a","region":"us","pined":true}', 'f:1: found the key "pined", expected name (or account) and region'],
    ['[]', 'f:1: found [], expected one JSON object'],
    ['{', 'f:1: found "{", expected one JSON object'],
    ['{"name":5,"region":"us"}', 'f:1: name: found 5, expected the name of an account'],
    ['{"name":"a","region":"us","also":[1]}', 'f:1: also: found [1], expected names of regions'],
    ['{"name":"a","region":"us","pinned":null}', 'f:1: pinned: found nothing, expected true or false'],
    ['{"name":"a","account":"b","region":"us"}', 'f:1: name: found both name and account'],
    [`{"name":"${'x'.repeat(70_000)}`, 'f:1: found more than 65536 characters'],
    ['', 'f:1: found an empty file'],
  ])('names the line and the fault of %.40j', async (text, sentence) => {
    const { faults, rows } = await read(text, 'jsonl');
    expect(faults).toEqual([expect.stringContaining(sentence)]);
    expect(rows).toEqual([]);
  });
});

describe('faults', () => {
  it('are shown up to a bound, and counted beyond', async () => {
    const { faults, faultCount, lines } = await read(`name,region\n${'ann,xx\n'.repeat(500)}`, 'csv');
    expect(faults).toHaveLength(FAULTS_SHOWN);
    expect({ faultCount, lines }).toEqual({ faultCount: 999, lines: 500 });
  });
});

describe('an import', () => {
  const options = () => ({ books, regions: REGIONS, suggest: didYouMean, store: store.directory, actor: 'cli:test' });
  const prepare = (text: string) => prepareImport(pieces(Buffer.from(text), 16), 'csv', options(), () => {});

  it('writes nothing before commit, and nothing at all with a fault in the last line', async () => {
    const good = Array.from({ length: 2500 }, (_, at) => `user${at},eu\n`).join('');
    const bad = await prepare(`name,region\n${good}last,xx\n`);
    expect(bad).toMatchObject({ summary: undefined, lines: 2501, faultCount: 1 });
    await bad.discard();
    const prepared = await prepare(`name,region\n${good}`);
    expect(prepared.summary).toMatchObject({ added: 2500, changed: 0, same: 0 });
    expect(await store.directory.count()).toBe(0);
    expect(await prepared.commit(false)).toMatchObject({ written: true });
    expect(await store.directory.count()).toBe(2500);
  });

  it('tells conflicts by line, and writes nothing of it', async () => {
    await (await prepare('name,region\nann,eu\nbob,eu\n')).commit(false);
    const prepared = await prepare('name,region\ncid,us\nann,us\nbob,eu\n');
    expect(prepared.summary).toMatchObject({
      added: 1,
      same: 1,
      regionChanged: 1,
      conflicts: [{ line: 3, why: 'region' }],
    });
    expect(await prepared.commit(false)).toMatchObject({ written: false });
    expect(await store.directory.count()).toBe(2);
    expect(await prepared.commit(true)).toMatchObject({ written: true });
    expect(await store.directory.count()).toBe(3);
  });

  it('that is cut short by its source leaves nothing, and the first trouble is told', async () => {
    async function* cut(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('name,region\nann,eu\n');
      throw new Error('the disk is gone');
    }
    await expect(prepareImport(cut(), 'csv', options(), () => {})).rejects.toThrow('the disk is gone');
    expect(await store.directory.count()).toBe(0);
  });

  it('reads every account that it was given, in either format', async () => {
    const account = fc.record({
      name: fc.stringMatching(/^[a-z][a-z0-9"'.,;|@é日-]{0,20}$/),
      region: fc.constantFrom(...REGIONS),
      pinned: fc.boolean(),
      also: fc.uniqueArray(fc.constantFrom(...REGIONS)),
    });
    const list = fc.uniqueArray(account, { selector: ({ name }) => accountKey(name), minLength: 1 });
    await fc.assert(
      fc.asyncProperty(list, async (accounts) => {
        const expected = accounts.map(({ also, ...facts }) => ({
          ...facts,
          also: also.filter((region) => region !== facts.region).sort(),
        }));
        const quote = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;
        const csv = accounts.map(({ name, region, pinned, also }) =>
          [quote(name), region, pinned, also.join(' ')].join(),
        );
        for (const [text, format] of [
          [`name,region,pinned,also\n${csv.join('\n')}`, 'csv'],
          [accounts.map((one) => JSON.stringify(one)).join('\n'), 'jsonl'],
        ] as const) {
          const { rows, faults } = await read(text, format, 11);
          expect(faults).toEqual([]);
          expect(rows.map(({ line: _, ...row }) => row)).toEqual(expected);
        }
      }),
      { numRuns: 50 },
    );
  });
});
