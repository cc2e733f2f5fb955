// `audit report`: where the requests of an account went, for an auditor. The log is verified while it is read.
import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { type AccountReport, reportAccount } from '../audit/account-report.ts';
import type { Entry } from '../audit/entry.ts';
import { codeOf } from '../audit/error.ts';
import { type Finding, findingOf } from '../audit/finding.ts';
import { accountKey } from '../caller/credentials.ts';
import type { Config } from '../config/types.ts';
import { accountHash, type HashParts, identityName } from '../keyed-hash.ts';
import { nameFault, nameSentence } from '../locality/account-name.ts';
import { loadIdentityKeys } from '../store/identity-key.ts';
import { auditOf, publicKeysOf, showing } from './audit.ts';
import { CSV_HEADER, csvLine } from './audit-report-csv.ts';
import { reportPage } from './audit-report-html.ts';
import { reportLines } from './audit-report-text.ts';
import { readConfig } from './config.ts';
import { CommandError, EXIT, type ExitCode, stateProblem } from './exit.ts';
import { hashesOf } from './state.ts';
import { printJson, say } from './terminal.ts';

export type ReportFormat = 'text' | 'csv' | 'html';

export interface AuditReportOptions {
  readonly account?: string;
  readonly from?: string;
  readonly to?: string;
  readonly format: ReportFormat;
  readonly output?: string;
  readonly publicKey?: readonly string[];
  readonly config?: string;
  readonly json?: boolean;
}

/** A report and whom it is about. */
export interface NamedReport {
  /** As the operator typed it. */
  readonly account: string;
  readonly report: AccountReport;
  readonly finding: Finding;
  /** The first entries, for a table. */
  readonly entries: readonly Entry[];
  readonly madeAt: string;
}

/** Rows of the page: a browser stays quick. */
export const PAGE_ENTRIES = 5000;

export async function auditReport(options: AuditReportOptions): Promise<ExitCode> {
  const { account, from, to } = questionOf(options);
  const { name, config } = readConfig(options.config);
  const { file, keyFile } = auditOf(name, config.audit);
  const publicKeys = publicKeysOf(options.publicKey, () => keyFile);
  const hashes = identityHashes(config);
  const accounts = hashes.map((hash) => accountHash(hash, accountKey(account)).toString('hex'));
  const identities = hashes.map(identityName);
  const isCsv = options.format === 'csv' && !options.json;
  const out = openOutput(options.output);
  const entries: Entry[] = [];
  try {
    if (isCsv) out.write(CSV_HEADER);
    const onEntry = (entry: Entry): void => {
      if (isCsv) out.write(csvLine(entry));
      else if (entries.length < PAGE_ENTRIES) entries.push(entry);
    };
    const report = await showing((progress) =>
      reportAccount({ file, publicKeys, accounts, identities, from, to, onEntry }, progress),
    );
    const named = { account, report, finding: findingOf(report), entries, madeAt: new Date().toISOString() };
    if (options.json) printJson(jsonOf(named));
    else if (options.format === 'html') out.write(reportPage(named));
    else if (!isCsv) out.write(`${reportLines(named).join('\n')}\n`);
    if (!report.verdict.good) {
      say(`The log is not good: ${report.verdict.faultCount} faults. Run: onetime-gateway audit verify`);
    } else if (isCsv) say(`${report.entries} records of a log that was verified.`);
    return report.verdict.good ? EXIT.ok : EXIT.failure;
  } finally {
    out.close();
  }
}

function questionOf({ account, from, to }: AuditReportOptions): { account: string; from: string; to: string } {
  if (account === undefined) throw new CommandError('Whose requests? Give --account NAME.', EXIT.usage);
  const fault = nameFault(account);
  if (fault !== undefined) throw new CommandError(`--account: ${nameSentence(fault)}`, EXIT.usage);
  const [start, end] = [dateOf('--from', from), dateOf('--to', to)];
  if (start >= end) throw new CommandError('--from has to be before --to, which is exclusive.', EXIT.usage);
  return { account, from: start, to: end };
}

const DAY = /^\d{4}-\d\d-\d\d$/;
const MOMENT = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;

/** @returns ISO 8601 in UTC with milliseconds. @throws CommandError */
export function dateOf(option: string, text: string | undefined): string {
  const expected = 'a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z';
  if (text === undefined) throw new CommandError(`From when to when? Give ${option}: ${expected}.`, EXIT.usage);
  const day = DAY.test(text) ? text : MOMENT.exec(text)?.[1];
  // Date.parse takes the 30th of February for the 2nd of March.
  const isDay = day !== undefined && new Date(Date.parse(`${day}T00:00:00Z`)).toJSON()?.startsWith(day) === true;
  const ms = isDay ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw new CommandError(`${option}: expected ${expected}, found ${JSON.stringify(text)}.`, EXIT.usage);
  return new Date(ms).toISOString();
}

/** Of every identity key: records keep the hash under which they were written. */
function identityHashes({ identityKeyFile }: Config): HashParts[] {
  const env = process.env.GATEWAY_IDENTITY_KEY;
  if (env === undefined && !existsSync(identityKeyFile)) {
    throw new CommandError(
      `There is no identity key at ${identityKeyFile}, under which the log has the hashes of accounts. If the gateway is ` +
        'given its key as GATEWAY_IDENTITY_KEY, give it to this command too.',
      EXIT.config,
    );
  }
  try {
    const { current, older } = hashesOf(loadIdentityKeys({ file: identityKeyFile, env, now: Date.now }));
    return [current, ...older];
  } catch (error) {
    throw stateProblem(error) ?? error;
  }
}

/** A file is readable by nobody else: the report names an account. */
function openOutput(path: string | undefined): { write(text: string): void; close(): void } {
  if (path === undefined) {
    let closed = false;
    // `| head` has seen enough.
    process.stdout.on('error', () => {
      closed = true;
    });
    return { write: (text) => void (closed || process.stdout.write(text)), close: () => undefined };
  }
  const failed = (error: unknown): CommandError =>
    new CommandError(`${path} cannot be written: ${codeOf(error) ?? 'unknown error'}.`, EXIT.system);
  let fd: number;
  try {
    fd = openSync(path, 'w', 0o600);
  } catch (error) {
    throw failed(error);
  }
  return {
    write(text) {
      try {
        for (let left = Buffer.from(text); left.length > 0; left = left.subarray(writeSync(fd, left)));
      } catch (error) {
        throw failed(error);
      }
    },
    close: () => closeSync(fd),
  };
}

function jsonOf({ account, report, finding, madeAt }: NamedReport) {
  const { regions, refusals, days, ...others } = report;
  const named = (region: string | null): string => region ?? 'none';
  return {
    account,
    madeAt,
    ...finding,
    ...others,
    regions: [...regions].map(([region, tally]) => ({ region, ...tally })),
    refusals: [...refusals].map(([code, count]) => ({ code, count })),
    days: [...days].map(([day, counts]) => ({
      day,
      requests: [...counts].map(([region, count]) => ({ region: named(region), count })),
    })),
  };
}
