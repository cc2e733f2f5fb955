// `audit report`: as text, CSV, JSON and a page that is opened in a real browser.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'csv-parse/sync';
import { afterEach, describe, expect, it } from 'vitest';
import { dateOf } from '../../src/cli/audit-report.ts';
import { CSV_HEADER, csvLine } from '../../src/cli/audit-report-csv.ts';
import { requestInside } from '../audit/support.ts';
import { audit as axeFinds, hasChromium, launch, open, overflow } from '../console/browser.ts';
import { type AuditFolder, ann, openAuditFolder } from './audit-support.ts';

let made: AuditFolder;
afterEach(() => made?.[Symbol.dispose]());

const LEFT = requestInside({ account: ann, region: 'us', home: 'eu', reason: 'account_named' });
const ARGS = ['--account', 'ann@corp.example', '--from', '2026-03-01', '--to', '2026-03-05'];
const report = (...args: string[]) => made.run('audit', 'report', ...ARGS, ...args, '--config', made.config);

describe('audit report', () => {
  it('answers as text, with every spelling of the name', async () => {
    made = await openAuditFolder();
    const { code, stdout, stderr } = await report('--account', 'ANN@corp.example');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Pinned     always; home eu');
    expect(stdout).toContain(
      '\nNo request of this account was sent outside eu between 2026-03-01T12:00:00Z and 2026-03-03T12:00:00Z.\n',
    );
    expect(stdout).toMatch(/^By region +requests +delivered +unknown +not sent +verified\neu +6 +6 +0 +0 +0$/m);
    expect(stdout).toMatch(/^By day \(UTC\) +eu\n2026-03-01 +2\n2026-03-02 +2\n2026-03-03 +2$/m);
    expect(stdout).toContain('The log, verified while it was read\n  good: 15 records in 3 files\n');
  });

  it('says first and loudly what was sent outside the home region', async () => {
    made = await openAuditFolder([LEFT]);
    const { code, stdout } = await report();
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\n\n!!! OUTSIDE THE HOME REGION !!!\n1 request of this account was sent outside the account's home region, while it was pinned\.\n/,
    );
    expect(stdout).toMatch(
      /\nRequests outside the home region \(1\)\n {2}2026-03-03T12:00:00\.000Z {2}#14 {2}request .* us \(home eu\) {2}pinned/,
    );
    expect(stdout).not.toContain('No request of this account');
  });

  it('calls no log good that is not: exit code 1, and nothing follows from it', async () => {
    made = await openAuditFolder();
    writeFileSync(made.file, readFileSync(made.file, 'utf8').replace('"account":"ff', '"account":"fe'));
    const { code, stdout, stderr } = await report();
    expect(code).toBe(1);
    expect(stdout).toContain('The log is not good, so nothing follows from what it does not show.');
    expect(stdout).not.toContain('No request of this account');
    expect(stderr).toContain('The log is not good: 1 faults.');
    expect((await report('--format', 'csv')).code).toBe(1);
  });

  it('gives every record as CSV', async () => {
    made = await openAuditFolder([LEFT]);
    const { code, stdout, stderr } = await report('--format', 'csv');
    expect(code).toBe(0);
    expect(stderr).toBe('7 records of a log that was verified.\n');
    const rows: Record<string, string>[] = parse(stdout, { columns: true });
    expect(rows).toHaveLength(7);
    expect(rows.at(-1)).toMatchObject({
      seq: '14',
      kind: 'request',
      region: 'us',
      home: 'eu',
      pinned: 'true',
      refusal: '',
    });
    expect(stdout.split('\r\n')).toHaveLength(9);
  });

  it('gives JSON', async () => {
    made = await openAuditFolder();
    const { stdout } = await report('--json');
    expect(JSON.parse(stdout)).toMatchObject({
      account: 'ann@corp.example',
      answer: 'held',
      requests: 6,
      outside_count: 0,
      regions: [{ region: 'eu', requests: 6, not_sent: 0 }],
      days: [{ day: '2026-03-01', requests: [{ region: 'eu', count: 2 }] }, {}, {}],
      verdict: { good: true, fault_count: 0 },
    });
  });

  it('writes into a file that nobody else can read, and says why where it cannot', async () => {
    made = await openAuditFolder();
    const output = join(made.folder.path, 'report.txt');
    expect(await report('--output', output)).toMatchObject({ code: 0, stdout: '' });
    expect(readFileSync(output, 'utf8')).toContain('No request of this account was sent outside eu');
    expect(statSync(output).mode & 0o777).toBe(0o600);
    expect(await report('--output', '/none/report.txt')).toMatchObject({
      code: 71,
      stderr: '/none/report.txt cannot be written: ENOENT.\n',
    });
  });

  it.each<[string, string[], string]>([
    ['no account', ['--from', '2026-03-01', '--to', '2026-03-02'], 'Give --account NAME.'],
    [
      'a name that is none',
      ['--account', 'a b', '--from', '2026-03-01', '--to', '2026-03-02'],
      'a character that cannot be seen',
    ],
    ['no beginning', ['--account', 'a', '--to', '2026-03-02'], 'Give --from: a day such as 2026-01-31'],
    [
      'a day that is none',
      ['--account', 'a', '--from', '2026-02-30', '--to', '2026-03-02'],
      '--from: expected a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z, found "2026-02-30".',
    ],
    [
      'an end before the beginning',
      ['--account', 'a', '--from', '2026-03-02', '--to', '2026-03-02'],
      '--from has to be before --to',
    ],
    ['a format that is none', [...ARGS, '--format', 'pdf'], 'Allowed choices are text, csv, html'],
  ])('refuses %s', async (_, args, says) => {
    made = await openAuditFolder();
    const { code, stdout, stderr } = await made.run('audit', 'report', ...args, '-c', made.config);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain(says);
  });

  it('makes no identity key where there is none', async () => {
    made = await openAuditFolder();
    const config = made.folder.write('other.yaml', readFileSync(made.config, 'utf8').replace('id.key', 'none.key'));
    const { code, stderr } = await made.run('audit', 'report', ...ARGS, '-c', config);
    expect(code).toBe(78);
    expect(stderr).toContain('There is no identity key at');
    expect(() => statSync(join(made.folder.path, 'data', 'none.key'))).toThrow('ENOENT');
  });
});

describe('dates', () => {
  it.each([
    ['2026-03-01', '2026-03-01T00:00:00.000Z'],
    ['2026-03-01T12:30Z', '2026-03-01T12:30:00.000Z'],
    ['2026-03-01T12:30:15.5+02:00', '2026-03-01T10:30:15.500Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ])('%s is %s', (text, iso) => {
    expect(dateOf('--from', text)).toBe(iso);
  });

  it.each([
    '',
    'today',
    '2026',
    '2026-3-1',
    '2025-02-29',
    '2026-13-01',
    '2026-03-01T12:30',
    '2026-03-01T25:00Z',
    '01/03/2026',
  ])('%j is none', (text) => {
    expect(() => dateOf('--from', text)).toThrow('--from: expected a day such as');
  });
});

describe('a row of CSV', () => {
  const none = Object.fromEntries(
    CSV_HEADER.trimEnd()
      .split(',')
      .map((column) => [column, null]),
  );
  const entry = (detail: string) =>
    ({ ...none, seq: 1, time: '', kind: 'directory' as const, detail }) as Parameters<typeof csvLine>[0];

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx'])('with %j is no formula', (text) => {
    const [row] = parse(csvLine(entry(text)), { columns: false });
    expect(row?.at(-1)).toBe(`'${text}`);
  });

  it('quotes what has to be quoted', () => {
    expect(csvLine(entry('a,"b"\nc'))).toMatch(/,"a,""b""\nc"\r\n$/);
  });
});

describe.skipIf(!hasChromium)('the page', () => {
  it('needs no other host and no script, shows the finding, the chart and the table, in both colour schemes and on a phone', async () => {
    made = await openAuditFolder([LEFT]);
    const output = join(made.folder.path, 'report.html');
    expect((await report('--format', 'html', '--output', output)).code).toBe(0);
    const html = readFileSync(output, 'utf8');
    expect(html).not.toMatch(/<script|https?:\/\/|style="/);
    const browser = await launch();
    try {
      for (const look of [
        { scheme: 'light', width: 1280 },
        { scheme: 'dark', width: 390 },
      ] as const) {
        await using opened = await open(browser, pathToFileURL(made.folder.path).href, 'report.html', look);
        const { page, complaints } = opened;
        const asked: string[] = [];
        page.on('request', (request) => asked.push(request.url()));
        await page.reload();
        expect(asked).toEqual([pathToFileURL(output).href]);
        expect(await page.getByLabel('Answer').textContent()).toContain('1 request of this account was sent outside');
        expect(await page.getByRole('img').count()).toBe(1);
        expect(await page.locator('svg rect').count()).toBe(4);
        expect(await page.locator('tr.outside').count()).toBe(2);
        const paper = await page.evaluate('getComputedStyle(document.body).backgroundColor');
        expect(paper).toBe(look.scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 23, 27)');
        // Wide tables scroll by themselves.
        expect(await overflow(page)).toBe(0);
        expect(await axeFinds(page)).toEqual([]);
        expect(complaints).toEqual([]);
      }
    } finally {
      await browser.close();
    }
  });

  it('shows a name as it was typed, and runs nothing of it', async () => {
    made = await openAuditFolder();
    const output = join(made.folder.path, 'report.html');
    await report('--account', '<img/src=x>"&', '--format', 'html', '--output', output);
    const html = readFileSync(output, 'utf8');
    expect(html).toContain('<h1>Audit report: &lt;img/src=x&gt;&quot;&amp;</h1>');
    expect(html).not.toContain('<img');
  });
});
