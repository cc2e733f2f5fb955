// `accounts import`: all lines of a file or none.
import type { ImportSummary } from '../locality/desk.ts';
import { type Format, type Prepared, prepareImport } from '../locality/import.ts';
import { atDesk, type Office, warnOfForeignKey } from './accounts-desk.ts';
import { type AccountsFile, faultJson, openAccountsFile, sayFaults } from './accounts-file.ts';
import { countOf } from './accounts-text.ts';
import { CommandError, EXIT, type ExitCode } from './exit.ts';
import { ask, canAsk, onInterrupt, print, printJson, say } from './terminal.ts';

export interface ImportCommandOptions {
  readonly config?: string;
  readonly format?: Format;
  readonly dryRun?: boolean;
  readonly overwrite?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** What came of it: 'faults' and 'conflicts' wrote nothing, 'dry_run' neither. */
type Result = 'written' | 'dry_run' | 'faults' | 'conflicts' | 'declined';

export function accountsImport(path: string, options: ImportCommandOptions): Promise<ExitCode> {
  return atDesk(options.config, options.dryRun ? 'read' : 'write', async (office) => {
    const file = openAccountsFile(path, options.format, 'accounts read');
    await warnOfForeignKey(office);
    const stop = onInterrupt(() => {
      say('Interrupted: nothing was written.');
      process.exit(EXIT.failure);
    });
    const prepared = await prepare(file, office);
    try {
      const { result, summary } = await apply(prepared, file, options, stop);
      if (options.json) printJson(reportJson(prepared, result, summary));
      return result === 'written' || result === 'dry_run' ? EXIT.ok : EXIT.failure;
    } finally {
      stop();
      await prepared.discard();
    }
  });
}

async function prepare(file: AccountsFile, office: Office): Promise<Prepared> {
  const options = { ...office, store: office.store.directory };
  try {
    return await prepareImport(file.bytes, file.format, options, (lines) => file.progress.update(file.read(), lines));
  } finally {
    file.progress.end();
  }
}

async function apply(
  prepared: Prepared,
  file: AccountsFile,
  options: ImportCommandOptions,
  stopListening: () => void,
): Promise<{ result: Result; summary: ImportSummary | undefined }> {
  const { summary, lines, faults, faultCount } = prepared;
  const { overwrite = false } = options;
  if (summary === undefined) {
    sayFaults(file.name, faults, faultCount);
    say(`Nothing was written: ${countOf(faultCount, 'fault')} in ${countOf(lines, 'account')}.`);
    return { result: 'faults', summary };
  }
  if (standsAgainst(summary, overwrite)) {
    sayConflicts(file.name, summary, overwrite);
    if (!options.dryRun) return { result: 'conflicts', summary };
  }
  if (options.dryRun) {
    if (!options.json) print(`Would be: ${summaryText(summary)}. Nothing was written.`);
    return { result: standsAgainst(summary, overwrite) ? 'conflicts' : 'dry_run', summary };
  }
  if (!(await confirmed(summary, file, options))) {
    say('Nothing was written.');
    return { result: 'declined', summary };
  }
  // From here on an interruption could not say what became of it.
  stopListening();
  const done = await prepared.commit(overwrite);
  if (!done.written) {
    sayConflicts(file.name, done.summary, overwrite);
    say('Nothing was written: the directory changed while the file was read.');
    return { result: 'conflicts', summary: done.summary };
  }
  if (!options.json) print(`Done: ${summaryText(done.summary)}.`);
  return { result: 'written', summary: done.summary };
}

function standsAgainst({ regionChanged, moving }: ImportSummary, overwrite: boolean): boolean {
  return moving > 0 || (regionChanged > 0 && !overwrite);
}

function sayConflicts(file: string, { conflicts, regionChanged, moving }: ImportSummary, overwrite: boolean): void {
  for (const { line, why } of conflicts) {
    if (why === 'moving') say(`${file}:${line}: it is being moved. Wait for the end of the move, or abort it.`);
    else if (!overwrite) {
      say(`${file}:${line}: it lives in another region. Move it (accounts move NAME --to REGION), or add --overwrite.`);
    }
  }
  const more = regionChanged + moving - conflicts.length;
  if (more > 0) say(`... and ${more} more.`);
  say(`Conflicts: ${regionChanged} in another region, ${moving} being moved. An import writes all accounts or none.`);
}

/** A region that changes without a move freezes nothing first: calls under way may still reach the old region. */
async function confirmed(summary: ImportSummary, file: AccountsFile, options: ImportCommandOptions): Promise<boolean> {
  if (summary.regionChanged === 0 || options.yes) return true;
  const what =
    `${countOf(summary.regionChanged, 'account')} would change region at once, without a move: what is under way may ` +
    'still be created in the old region, and pinned accounts no longer reach what they made there.';
  if (file.name === 'stdin' || !canAsk()) throw new CommandError(`${what} To do so, add --yes.`, EXIT.usage);
  return ['y', 'yes'].includes(await ask(`${what} Write it? [y/N]`));
}

function summaryText({ added, changed, same, regionChanged, moving }: ImportSummary): string {
  const regions = regionChanged === 0 ? '' : ` (${regionChanged} of them their region)`;
  return `${added} added, ${changed} changed${regions}, ${same} the same${moving === 0 ? '' : `, ${moving} being moved`}`;
}

function reportJson({ lines, faults, faultCount }: Prepared, result: Result, summary: ImportSummary | undefined) {
  return { result, lines, faultCount, faults: faults.map(faultJson), summary: summary ?? null };
}
