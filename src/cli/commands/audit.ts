// The commands for the audit log, and their options.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ReportFormat } from '../audit-report.ts';
import { type Action, configOption, examples, jsonOption, later, wholeNumber } from './words.ts';

const FORMATS: readonly ReportFormat[] = ['text', 'csv', 'html'];
const collect = (text: string, before: readonly string[] = []): string[] => [...before, text];
const publicKeyOption = (): Option =>
  new Option(
    '--public-key <file>',
    'key that heads are held to, in PEM; again for more. Without it those beside audit.key',
  ).argParser(collect);

function head(text: string): { seq: number; hash: string } {
  const [, seq, hash = ''] = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text) ?? [];
  if (seq === undefined || Number(seq) < 1) {
    throw new InvalidArgumentError('Expected NUMBER:HASH, the number of a record and the 64 hex digits of its hash.');
  }
  return { seq: Number(seq), hash: hash.toLowerCase() };
}

export function addAuditCommands(program: Command, action: Action): void {
  const audit = program.command('audit').description('the audit log: who asked what of which region, provably');
  const verify = audit
    .command('verify')
    .description('look for records that were changed, dropped, moved or cut off; exit code 1 when there are any')
    .argument('[files...]', 'files of one log, plain or .gz; without them the one of the configuration')
    .addOption(publicKeyOption())
    .addOption(
      new Option('--head <seq:hash>', 'a record that was noted elsewhere: it has to be in the log').argParser(head),
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../audit.ts')).auditVerify)));
  examples(
    verify,
    'audit verify --config gateway.yaml',
    'audit verify audit-000000000001-20260102T000000Z.jsonl.gz --public-key audit.key.pub',
  );
  addReport(audit, action);
  const newest = audit
    .command('head')
    .description('print the newest signed record as NUMBER:HASH, to be noted elsewhere and given to verify --head')
    .addOption(publicKeyOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../audit.ts')).auditHead)));
  examples(newest, 'audit head --config gateway.yaml');
  const key = audit
    .command('key')
    .description('print the public key that heads are signed with, and its fingerprint')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../audit.ts')).auditKey)));
  examples(key, 'audit key --config gateway.yaml');
  const tail = audit
    .command('tail')
    .description('print the last records of the current file')
    .addOption(new Option('-n, --lines <number>', 'how many, at most 10000').argParser(wholeNumber).default(10))
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../audit.ts')).auditTail)));
  examples(tail, 'audit tail -n 20');
}

function addReport(audit: Command, action: Action): void {
  const report = audit
    .command('report')
    .description('tell where the requests of an account went; exit code 1 when the log is not good')
    // Not requiredOption: that would be said in place of what is wrong with a mistyped one.
    .option('-a, --account <name>', 'as the account signs in; has to be given')
    .option('--from <date>', 'YYYY-MM-DD or ISO 8601, UTC, inclusive; has to be given')
    .option('--to <date>', 'exclusive; has to be given')
    .addOption(new Option('--format <format>', 'of the report').choices(FORMATS).default('text'))
    .option('-o, --output <file>', 'write it there, readable by nobody else')
    .addOption(publicKeyOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../audit-report.ts')).auditReport)));
  examples(
    report,
    'audit report --account ann@corp.example --from 2026-01-01 --to 2026-02-01',
    'audit report --account ann@corp.example --from 2026-01-01 --to 2026-02-01 --format html --output report.html',
  );
}
