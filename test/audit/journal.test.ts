// The journal: what it writes, in which order, when, and what it tells of itself.

import { hash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { AUDIT_KINDS, AuditOpenError, openJournal } from '../../src/audit/journal.ts';
import { publicKeyFileOf } from '../../src/audit/key.ts';
import { type AuditLab, openAuditLab, requestInside, START } from './support.ts';

let lab: AuditLab;
afterEach(() => lab[Symbol.asyncDispose]());

const sha256 = (text: string): string => hash('sha256', text);

describe('a line', () => {
  it('has its number, the hash of the line before, the time, the kind, and the members that were given', async () => {
    lab = openAuditLab();
    lab.advance(1234);
    lab.journal.append('request', '"request":"r1","status":200');
    lab.journal.append('closed', '');
    await lab.journal.flush();
    const [opened = '', head = '', request = '', closed = ''] = lab.lines();
    expect(opened).toMatch(
      /^\{"seq":1,"prev":"0{64}","time":"2026-03-01T12:00:00\.000Z","kind":"opened","format":1,"cut":0,"flush":3600000,"heads":60000,"key":"[0-9a-f]{64}"\}$/,
    );
    expect(JSON.parse(head)).toMatchObject({ seq: 2, kind: 'head', at: 1, hash: sha256(opened) });
    expect(request).toBe(
      `{"seq":3,"prev":"${sha256(head)}","time":"2026-03-01T12:00:01.234Z","kind":"request","request":"r1","status":200}`,
    );
    expect(closed).toBe(`{"seq":4,"prev":"${sha256(request)}","time":"2026-03-01T12:00:01.234Z","kind":"closed"}`);
  });

  it('keeps the time that it is given', async () => {
    lab = openAuditLab();
    lab.journal.append('request', '"time":"2026-02-28T01:02:03.004Z","request":"r1"');
    lab.journal.append('reload', '"time":"2026-02-28T01:02:03.005Z"');
    await lab.journal.flush();
    expect(lab.lines().slice(2)).toEqual([
      expect.stringMatching(/,"time":"2026-02-28T01:02:03\.004Z","kind":"request","request":"r1"\}$/),
      expect.stringMatching(/,"time":"2026-02-28T01:02:03\.005Z","kind":"reload"\}$/),
    ]);
  });

  it.each([
    ['a line break', '"a":"\n"'],
    ['a time that is none', '"time":"yesterday","a":1'],
    ['a time of a month that is none', '"time":"2026-13-01T00:00:00.000Z"'],
    ['more than 16 KiB', `"a":"${'x'.repeat(16 * 1024)}"`],
  ])('is not written with %s: that is a defect of the caller', async (_, inside) => {
    lab = openAuditLab();
    expect(() => lab.journal.append('request', inside)).toThrow(RangeError);
    await lab.journal.flush();
    expect(lab.records().map(({ kind }) => kind)).toEqual(['opened', 'head']);
  });

  it('is chained by its bytes, also where names are not ASCII', async () => {
    lab = openAuditLab();
    lab.journal.append('directory', '"what":"changed","actor":"cli:jörg 日本"');
    lab.journal.append('request', requestInside());
    await lab.journal.flush();
    const [, , directory = '', request = ''] = lab.lines();
    expect(JSON.parse(request).prev).toBe(sha256(directory));
  });
});

describe('writing', () => {
  it('happens by itself within flush', async () => {
    lab = openAuditLab({ flushMs: 20 });
    await lab.journal.flush();
    lab.journal.append('request', requestInside());
    await expect.poll(() => lab.records().length, { interval: 5, timeout: 5000 }).toBe(3);
  });

  it('happens before that when much has gathered', async () => {
    lab = openAuditLab();
    await lab.journal.flush();
    for (let number = 0; number < 300; number++) lab.journal.append('request', requestInside({ number }));
    await expect.poll(() => lab.records().length, { interval: 5, timeout: 5000 }).toBeGreaterThan(100);
  });

  it('keeps the order of what comes while it writes', async () => {
    lab = openAuditLab();
    for (let number = 0; number < 5000; number++) {
      lab.journal.append('request', requestInside({ number }));
      if (number % 701 === 0) void lab.journal.flush();
      if (number % 997 === 0) await lab.journal.flush();
    }
    await lab.journal.flush();
    const requests = lab.records().filter(({ kind }) => kind === 'request');
    expect(requests.map(({ request }) => Number(String(request).slice(-12)))).toEqual(
      Array.from({ length: 5000 }, (_, number) => number),
    );
    expect(await lab.verify()).toMatchObject({ good: true, unsigned: 5000 });
  });

  it('makes files that nobody else can read, but for the public key', async () => {
    lab = openAuditLab();
    await lab.journal.flush();
    const modeOf = (file: string): number => statSync(file).mode & 0o777;
    const { file, keyFile } = lab.options;
    expect([file, `${file}.head`, `${file}.lock`, keyFile].map(modeOf)).toEqual([0o600, 0o600, 0o600, 0o600]);
    expect(modeOf(publicKeyFileOf(keyFile))).toBe(0o644);
    expect(modeOf(lab.folder)).toBe(0o700);
  });
});

describe('heads', () => {
  it('come when records have waited for heads, and none without records', async () => {
    lab = openAuditLab({ headsMs: 50 });
    await lab.journal.flush();
    const before = lab.journal.head();
    expect(before).toMatchObject({ at: 1 });
    lab.journal.append('request', requestInside());
    await lab.journal.flush();
    expect(lab.journal.readings().headAgeMs).toBe(0);
    lab.advance(60);
    expect(lab.journal.readings().headAgeMs).toBe(60);
    await expect.poll(() => lab.journal.head()?.at, { interval: 5, timeout: 5000 }).toBe(3);
    expect(lab.journal.readings().headAgeMs).toBe(0);
    lab.advance(600);
    lab.journal.append('request', requestInside());
    await lab.journal.flush();
    expect(lab.records().map(({ kind }) => kind)).toEqual(['opened', 'head', 'request', 'head', 'request']);
  });

  it('come also when the clock was set back behind the records that wait', async () => {
    lab = openAuditLab({ headsMs: 50, flushMs: 20 });
    await lab.journal.flush();
    lab.journal.append('request', requestInside());
    await lab.journal.flush();
    lab.advance(-3_600_000);
    // By itself, and before the next record.
    await expect.poll(() => lab.journal.head()?.at, { interval: 5, timeout: 5000 }).toBe(3);
    lab.journal.append('request', requestInside());
    await lab.journal.flush();
    lab.advance(-3_600_000);
    lab.journal.append('request', requestInside());
    await lab.journal.flush();
    expect(lab.records().map(({ kind }) => kind)).toEqual([
      ...['opened', 'head', 'request', 'head', 'request', 'head', 'request'],
    ]);
    expect(await lab.verify()).toMatchObject({ good: true });
  });

  it('stand between records that are further apart than heads, however late they are written', async () => {
    lab = openAuditLab({ headsMs: 60_000 });
    await lab.journal.flush();
    for (let number = 0; number < 4; number++) {
      lab.advance(40_000);
      lab.journal.append('request', requestInside({ number }));
    }
    await lab.journal.flush();
    expect(lab.records().map(({ kind }) => kind)).toEqual([
      'opened',
      'head',
      'request',
      'request',
      'head',
      'request',
      'request',
    ]);
    expect(await lab.verify()).toMatchObject({ good: true, heads: 2 });
  });

  it('are also in the file beside the log, and in what head() tells', async () => {
    lab = openAuditLab();
    lab.journal.append('request', requestInside());
    await lab.journal.close();
    const last = lab.records().at(-1);
    expect(JSON.parse(readFileSync(`${lab.options.file}.head`, 'utf8'))).toEqual(lab.journal.head());
    expect(last).toMatchObject({ kind: 'head', time: new Date(START).toISOString(), ...lab.journal.head() });
  });
});

describe('what it tells of itself', () => {
  it('counts what was written, by kind', async () => {
    lab = openAuditLab();
    lab.journal.append('request', requestInside());
    lab.journal.append('request', requestInside());
    lab.journal.append('verify', requestInside());
    await lab.journal.flush();
    expect(lab.journal.readings()).toEqual({
      file: lab.options.file,
      onFailure: 'refuse',
      sequence: 5,
      written: {
        ...Object.fromEntries(AUDIT_KINDS.map((kind) => [kind, 0])),
        opened: 1,
        head: 1,
        request: 2,
        verify: 1,
      },
      lost: 0,
      failing: false,
      failures: 0,
      headAgeMs: 0,
      bytes: statSync(lab.options.file).size,
    });
  });

  it('keeps the last 200 records in memory, also those that were there when it opened', async () => {
    lab = openAuditLab();
    for (let number = 0; number < 300; number++) lab.journal.append('request', requestInside({ number }));
    await lab.journal.flush();
    expect((await lab.journal.tail(2)).map(({ seq }) => seq)).toEqual([301, 302]);
    expect(await lab.journal.tail(1000)).toHaveLength(200);
    for (const none of [0, -1]) expect(await lab.journal.tail(none)).toEqual([]);
    await lab.reopen();
    const tail = await lab.journal.tail(5);
    expect(tail.map(({ kind }) => kind)).toEqual(['request', 'closed', 'head', 'opened', 'head']);
  });
});

describe('closing', () => {
  it('writes what is left, that it closed, and a head; and what comes later is counted as lost', async () => {
    lab = openAuditLab();
    lab.journal.append('request', requestInside());
    const closed = lab.journal.close();
    lab.journal.append('request', requestInside());
    await Promise.all([closed, lab.journal.close()]);
    expect(lab.records().map(({ kind }) => kind)).toEqual(['opened', 'head', 'request', 'closed', 'head']);
    expect(lab.journal.readings()).toMatchObject({ lost: 1, failing: true });
    expect(await lab.verify()).toMatchObject({ good: true, unsigned: 0, signedTo: 4 });
  });

  it('lets the next one go on with the chain', async () => {
    lab = openAuditLab();
    lab.journal.append('request', requestInside());
    await lab.reopen();
    lab.journal.append('request', requestInside());
    await lab.journal.close();
    const records = lab.records();
    expect(records.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(records.map(({ kind }) => kind).slice(5)).toEqual(['opened', 'head', 'request', 'closed', 'head']);
    expect(await lab.verify()).toMatchObject({ good: true, records: 10 });
  });
});

describe('a second one', () => {
  it('is turned away while the first writes, with a sentence that says what to do', () => {
    lab = openAuditLab();
    let thrown: unknown;
    try {
      openJournal(lab.options, { now: lab.now, observe: () => undefined });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AuditOpenError);
    expect(String(thrown)).toMatch(/is being written by another gateway\. .* give this one another audit\.file/);
  }, 15_000);
});
