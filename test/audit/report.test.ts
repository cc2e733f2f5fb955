// The answer to an auditor: what is counted, what is said first, and when the log does not allow an answer.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AccountReport, reportAccount } from '../../src/audit/account-report.ts';
import type { Entry } from '../../src/audit/entry.ts';
import { findingOf } from '../../src/audit/finding.ts';
import { publicKeysBeside } from '../../src/audit/key.ts';
import { ANN, type AuditLab, BOB, openAuditLab, type RequestFacts, requestInside } from './support.ts';

const DAY_MS = 86_400_000;
let lab: AuditLab;
beforeEach(() => {
  lab = openAuditLab();
});
afterEach(() => lab[Symbol.asyncDispose]());

const request = (facts: RequestFacts = {}): void => lab.journal.append('request', requestInside(facts));
/** Names of identity keys. */
const KEY = '0a1b2c3d';
const OTHER_KEY = '4e5f6071';
const SPAN = { from: '2026-03-01T00:00:00.000Z', to: '2026-03-10T00:00:00.000Z' };

async function report(
  more: { from?: string; to?: string; accounts?: string[]; identities?: string[] } = {},
): Promise<AccountReport & { list: Entry[] }> {
  await lab.journal.flush();
  const list: Entry[] = [];
  const publicKeys = publicKeysBeside(lab.options.keyFile).map(({ key }) => key);
  const options = { file: lab.options.file, publicKeys, accounts: [ANN], identities: [KEY], ...SPAN, ...more };
  const made = await reportAccount({ ...options, onEntry: (entry) => list.push(entry) });
  return { ...made, list };
}

describe('a report', () => {
  it('counts the requests of one account by region, outcome, refusal and day', async () => {
    request();
    request({ outcome: 'unknown' });
    request({ region: null, outcome: 'not_sent', refusal: 'rate_limited' });
    request({ account: BOB });
    request({ account: null, pinned: null, home: null, region: 'us', reason: 'anonymous_named' });
    lab.journal.append('verify', requestInside());
    lab.advance(DAY_MS);
    request();
    const made = await report();
    expect(Object.fromEntries(made.regions)).toEqual({
      eu: { requests: 3, verifies: 1, delivered: 2, unknown: 1, notSent: 0 },
      null: { requests: 1, verifies: 0, delivered: 0, unknown: 0, notSent: 1 },
    });
    expect(made).toMatchObject({ entries: 5, requests: 4, homes: ['eu'], pinned: 'always', outsideCount: 0 });
    expect([...made.refusals]).toEqual([['rate_limited', 1]]);
    expect([...made.days].map(([day, counts]) => [day, [...counts]])).toEqual([
      [
        '2026-03-01',
        [
          ['eu', 2],
          [null, 1],
        ],
      ],
      ['2026-03-02', [['eu', 1]]],
    ]);
    expect(made.list.map(({ kind }) => kind)).toEqual(['request', 'request', 'request', 'verify', 'request']);
  });

  it('takes the beginning of the period in and leaves its end out', async () => {
    request({ number: 1 });
    lab.advance(1000);
    request({ number: 2 });
    lab.advance(1000);
    request({ number: 3 });
    const made = await report({ from: '2026-03-01T12:00:01.000Z', to: '2026-03-01T12:00:02.000Z' });
    expect(made.list.map(({ request: id }) => id?.slice(-1))).toEqual(['2']);
  });

  it('finds the account under older identity keys, and its changes of the directory', async () => {
    request({ account: BOB });
    request();
    lab.journal.append(
      'directory',
      `"what":"moved","account":"${ANN}","actor":"cli:root","detail":{"to":"eu"},"epoch":4`,
    );
    lab.journal.append(
      'directory',
      `"what":"moved","account":"${'cc'.repeat(16)}","actor":"cli:root","detail":null,"epoch":5`,
    );
    const made = await report({ accounts: [ANN, BOB] });
    expect(made.requests).toBe(2);
    expect(made.changes).toMatchObject([{ what: 'moved', actor: 'cli:root', detail: '{"to":"eu"}', epoch: 4 }]);
  });

  it('is not misled by a member that only looks like the account', async () => {
    lab.journal.append(
      'directory',
      `"what":"changed","account":null,"actor":"x","detail":{"account":"${ANN}"},"epoch":1`,
    );
    expect((await report()).entries).toBe(0);
  });
});

describe('the finding', () => {
  it('is that nothing left the home region, for the time of which the log speaks', async () => {
    request();
    lab.advance(60_000);
    request();
    await lab.journal.close();
    const finding = findingOf(await report());
    expect(finding).toEqual({
      answer: 'held',
      sentence: 'No request of this account was sent outside eu between 2026-03-01T12:00:00Z and 2026-03-01T12:01:00Z.',
      limits: [
        'The log begins at 2026-03-01T12:00:00Z: it says nothing of the time before.',
        'The log ends at 2026-03-01T12:01:00Z: it says nothing of the time behind.',
      ],
    });
  });

  it.each<[string, RequestFacts, boolean]>([
    ['was delivered elsewhere', { region: 'us' }, true],
    ['may have reached another region', { region: 'us', outcome: 'unknown' }, true],
    ['was not sent to another region', { region: 'us', outcome: 'not_sent' }, false],
    ['was stopped before any region', { region: null, outcome: null }, false],
  ])('tells of a request that %s', async (_, facts, left) => {
    request(facts);
    const made = await report();
    expect(made.outsideCount).toBe(left ? 1 : 0);
    expect(findingOf(made).answer).toBe(left ? 'left' : 'held');
    if (left) {
      expect(findingOf(made).sentence).toBe(
        "1 request of this account was sent outside the account's home region, while it was pinned.",
      );
    }
  });

  it('tells of credentials that were verified in another region', async () => {
    lab.journal.append('verify', requestInside({ region: 'us', pinned: false }));
    request({ region: 'us', pinned: true });
    const made = await report();
    expect(findingOf(made).sentence).toBe(
      "2 requests of this account were sent outside the account's home region, 1 of them while it was pinned.",
    );
    expect(made.outside.map(({ kind }) => kind)).toEqual(['verify', 'request']);
  });

  it('goes by where the account lived at the time', async () => {
    request({ home: 'us', region: 'us' });
    request({ home: 'eu', region: 'eu' });
    expect(findingOf(await report()).sentence).toContain(
      'No request of this account was sent outside the region where it lived at the time (us, eu) between',
    );
  });

  it('is open where the log is not good', async () => {
    request();
    await lab.journal.close();
    writeFileSync(lab.options.file, readFileSync(lab.options.file, 'utf8').replace('"region":"eu"', '"region":"us"'));
    const made = await report();
    expect(made.verdict.good).toBe(false);
    // It shows one, which somebody may have written into it.
    expect(findingOf(made).sentence).toMatch(/1 request .* The log is not good: there may be more, or fewer\.$/);
    const clean = await report({ accounts: [BOB] });
    expect(findingOf(clean)).toMatchObject({
      answer: 'open',
      sentence: 'The log is not good, so nothing follows from what it does not show.',
      limits: expect.arrayContaining(['1 fault was found in the log.']),
    });
  });

  it('is open where records were lost in the period, and not where that was before', async () => {
    request();
    lab.journal.append('gap', '"lost":12');
    lab.advance(DAY_MS);
    request();
    lab.advance(1000);
    request();
    const finding = findingOf(await report());
    expect(finding.answer).toBe('open');
    expect(finding.sentence).toContain('but records are missing in it.');
    expect(finding.limits).toContain(
      '12 records could not be written between 2026-03-01T12:00:00Z and 2026-03-01T12:00:00Z, and were lost.',
    );
    expect(findingOf(await report({ from: '2026-03-02T12:00:00.500Z' })).answer).toBe('held');
  });

  it('holds where only records of requests were lost that were not sent, and says so', async () => {
    request();
    lab.journal.append('gap', '"lost":7,"sent":0');
    const finding = findingOf(await report());
    expect(finding.answer).toBe('held');
    expect(finding.limits.join()).toContain('7 requests have no record, since nothing could be written between');
    lab.journal.append('gap', '"lost":7,"sent":1');
    expect(findingOf(await report()).answer).toBe('open');
  });

  it('is open where requests were under way when their thread was lost', async () => {
    request();
    lab.journal.append('gap', '"lost":2,"why":"under_way"');
    const finding = findingOf(await report());
    expect(finding.answer).toBe('open');
    expect(finding.limits).toContain(
      '2 requests have no record, since the thread that had begun them ended between 2026-03-01T12:00:00Z and 2026-03-01T12:00:00Z: they may have been sent.',
    );
  });

  it('is open where the period has records under an identity key that is not known, for as long as that was in use', async () => {
    const started = (identity: string): void =>
      lab.journal.append('reload', JSON.stringify({ result: 'started', identity }).slice(1, -1));
    started(OTHER_KEY);
    request({ account: BOB });
    lab.advance(DAY_MS);
    // A reload keeps the key.
    lab.journal.append('reload', '"result":"applied"');
    lab.advance(DAY_MS);
    started(KEY);
    request();
    lab.advance(DAY_MS);
    request();

    const finding = findingOf(await report());
    expect(finding).toMatchObject({
      answer: 'open',
      sentence: expect.stringMatching(
        /^The log shows no request .*, but not all of it can be read for this account\.$/,
      ),
    });
    expect(finding.limits.join()).toContain(
      'Records between 2026-03-01T12:00:00Z and 2026-03-03T12:00:00Z are under another',
    );
    expect(findingOf(await report({ from: '2026-03-03T12:00:00.500Z' })).answer).toBe('held');
    expect(findingOf(await report({ accounts: [ANN, BOB], identities: [KEY, OTHER_KEY] })).answer).toBe('held');
    // Up to the end of the log, too.
    expect(findingOf(await report({ from: '2026-03-03T12:00:00.500Z', identities: [] })).answer).toBe('open');
  });

  it('is open where the gateway was killed in the period', async () => {
    request();
    await lab.journal.close();
    // As a process leaves it that was killed: without what the closing wrote.
    const lines = lab.lines().slice(0, 3);
    writeFileSync(lab.options.file, `${lines.join('\n')}\n`);
    const head = JSON.parse(lines[1] ?? '');
    const noted = { at: head.at, hash: head.hash, time: head.time, signature: head.signature, key: head.key };
    writeFileSync(`${lab.options.file}.head`, `${JSON.stringify(noted)}\n`);
    lab.advance(60_000);
    await lab.reopen();
    request();
    const finding = findingOf(await report());
    expect(finding.answer).toBe('open');
    expect(finding.limits.join()).toContain('The gateway ended without closing the log after 2026-03-01T12:00:00Z');
  });

  it('is open where the log says nothing of the period', async () => {
    request();
    const made = await report({ from: '2025-01-01T00:00:00.000Z', to: '2025-02-01T00:00:00.000Z' });
    expect(findingOf(made)).toMatchObject({ answer: 'open', sentence: 'The log says nothing of this period.' });
  });

  it('counts what is not signed yet', async () => {
    request();
    request({ account: BOB });
    expect(findingOf(await report()).limits).toContain(
      'The last 2 records are not signed yet: the next head does that.',
    );
  });
});
