// `accounts verify`: whether the directory is sound by itself, and as a file says it should be.
import type { Format } from '../locality/import.ts';
import { type Finding, type Report, verifyDirectory } from '../locality/verify.ts';
import { type Difference, type FileReport, verifyFile } from '../locality/verify-file.ts';
import { atDesk, type Office, warnOfForeignKey } from './accounts-desk.ts';
import { faultJson, openAccountsFile, sayFaults } from './accounts-file.ts';
import { countOf, gatewaysText, moveText } from './accounts-text.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { createProgress, print, printJson, say } from './terminal.ts';

export interface VerifyCommandOptions {
  readonly config?: string;
  readonly format?: Format;
  readonly json?: boolean;
}

/** A step of a move waits for leases at most; two steps and some patience. */
const HANG_LEASES = 2;
const HANG_EXTRA_MS = 30_000;

export function accountsVerify(path: string | undefined, options: VerifyCommandOptions): Promise<ExitCode> {
  return atDesk(options.config, 'read', (office) =>
    path === undefined ? verifyItself(office, options) : verifyAgainst(path, office, options),
  );
}

async function verifyItself(office: Office, { json }: VerifyCommandOptions): Promise<ExitCode> {
  const { config, store, hashes, regions, desk } = office;
  const progress = createProgress('accounts looked at', await desk.count());
  const hangMs = HANG_LEASES * config.accounts.leaseMs + HANG_EXTRA_MS;
  const report = await verifyDirectory({ store: store.directory, hashes, regions, now: Date.now, hangMs }, (accounts) =>
    progress.update(accounts, accounts),
  ).finally(progress.end);
  if (json) printJson(report);
  else sayReport(report, config.accounts.order);
  return report.sound ? EXIT.ok : EXIT.failure;
}

function sayReport({ mark, accounts, findings, moves, gateways, sound }: Report, order: readonly string[]): void {
  print(`mark       generation ${mark.generation}, epoch ${mark.epoch}`);
  print(`accounts   ${accounts}`);
  print(`gateways   ${gateways.length === 0 ? 'none watch it' : gatewaysText(gateways)}`);
  print(`order      ${order.join(', ')}${order.includes('directory') ? '' : ': the directory is not asked'}`);
  for (const finding of findings) print(findingText(finding));
  for (const { account, hangs, waitsFor } of moves) {
    const { id, move } = account;
    if (move === null) continue;
    const waits =
      waitsFor.length > 0
        ? `waits for ${gatewaysText(waitsFor)}`
        : gateways.length === 0
          ? 'no gateway drives it'
          : 'goes on';
    print(`${hangs ? 'hangs' : 'move'.padEnd(5)}      ${id} ${moveText(move)}; ${waits}`);
  }
  print(sound ? 'sound' : 'not sound: see above');
}

const FINDINGS: Readonly<Record<Finding['what'], (which: string) => string>> = {
  region_not_configured: (which) => `in ${which}, which is not configured: answered 503`,
  also_not_configured: (which) => `with ${which} among the other regions, which is not configured: it is left out`,
  identity_unknown: (which) =>
    `hashed under the identity key ${which}, which is not here: found by no name. Do the gateways have another key?`,
  identity_older: (which) => `still under the older identity key ${which}: found as long as it is kept; import again`,
  move_to_unconfigured: (which) => `being moved to ${which}, which is not configured`,
};

function findingText({ what, which, count, ids }: Finding): string {
  const examples = `${ids.join(', ')}${count > ids.length ? ', ...' : ''}`;
  return `${what === 'identity_older' ? 'note' : 'off '}       ${countOf(count, 'account')} ${FINDINGS[what](which)} (${examples})`;
}

async function verifyAgainst(path: string, office: Office, options: VerifyCommandOptions): Promise<ExitCode> {
  const file = openAccountsFile(path, options.format, 'accounts compared');
  await warnOfForeignKey(office);
  const report = await verifyFile(file.bytes, file.format, office, (lines) =>
    file.progress.update(file.read(), lines),
  ).finally(file.progress.end);
  const inDirectory = await office.desk.count();
  if (options.json) {
    printJson({ ...report, faults: report.faults.map(faultJson), inDirectory });
  } else sayFileReport(file.name, report, inDirectory);
  return report.sound ? EXIT.ok : EXIT.failure;
}

function sayFileReport(file: string, report: FileReport, inDirectory: number): void {
  sayFaults(file, report.faults, report.faultCount);
  for (const difference of report.differences) say(differenceText(file, difference));
  const { same, missing, differ, moving, lines, faultCount } = report;
  const shown = new Set(report.differences.map(({ line }) => line)).size;
  if (missing + differ > shown) say(`... and ${missing + differ - shown} more.`);
  print(
    `${countOf(lines, 'account')} in the file: ${same} the same, ${missing} missing, ${differ} differ, ${moving} being ` +
      `moved, ${countOf(faultCount, 'fault')}. The directory holds ${inDirectory}.`,
  );
}

function differenceText(file: string, { line, name, what, file: meant, directory }: Difference): string {
  const where = `${file}:${line}: ${JSON.stringify(name)}`;
  if (directory === undefined) return `${where} is missing; the file says ${meant}`;
  return `${where}: ${what} is ${directory === '' ? 'nothing' : directory}; the file says ${meant === '' ? 'nothing' : meant}`;
}
