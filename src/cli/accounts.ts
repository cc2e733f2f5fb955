// The commands for accounts and the store, and their options.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { readDurationMs, Unfit } from '../config/units.ts';
import { FORMATS } from '../locality/formats.ts';
import type { ExitCode } from './exit.ts';

/** What the commands share with the program: the option for the configuration, and where the exit code goes. */
export interface Registry {
  configOption(): Option;
  /** Makes an action of a command: its exit code becomes the program's. */
  action<A extends unknown[]>(command: (...args: A) => Promise<ExitCode>): (...args: A) => Promise<void>;
}

const RUN = '$ onetime-gateway';
const formatOption = (): Option =>
  new Option('--format <format>', 'of the file, where its name does not tell').choices(FORMATS);
const jsonOption = (): Option => new Option('--json', 'print JSON');

function regionList(text: string): string[] {
  return text.split(/[\s,]+/).filter((name) => name !== '');
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < 1) throw new InvalidArgumentError('Expected a whole number from 1.');
  return value;
}

function duration(text: string): number {
  const value = readDurationMs(text);
  if (value instanceof Unfit) throw new InvalidArgumentError(`Expected ${value.expected}.`);
  return value;
}

/** A command whose file is loaded when it is called. */
function later<A extends unknown[]>(load: () => Promise<(...args: A) => Promise<ExitCode>>) {
  return async (...given: A): Promise<ExitCode> => (await load())(...given);
}

function examples(command: Command, ...lines: readonly string[]): void {
  command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${RUN} ${line}`).join('\n')}`);
}

export function addAccountCommands(program: Command, registry: Registry): void {
  const accounts = program
    .command('accounts')
    .description(
      'the directory of accounts: where each lives, and moving them. Names are stored as keyed hashes alone',
    );
  addSimple(accounts, registry);
  addFiles(accounts, registry);
  addMoves(accounts, registry);
}

function addSimple(accounts: Command, { configOption, action }: Registry): void {
  const add = accounts
    .command('add')
    .description('add an account, or change it')
    .argument('<name>', 'as the account signs in, such as ann@corp.example')
    // Not requiredOption: that would be said in place of what is wrong with a mistyped one.
    .option('-r, --region <region>', 'where it lives; has to be given')
    .option('--not-pinned', 'its calls may name any region to retrieve')
    .option('--also <regions>', 'other regions where it has an account too, separated by commas', regionList)
    .option('--overwrite', 'also where it is known in another region: prefer accounts move')
    .addOption(configOption())
    .action(
      action(async (name: string, { notPinned = false, also = [], ...options }) =>
        (await import('./accounts-simple.ts')).accountsAdd(name, { ...options, also, pinned: !notPinned }),
      ),
    );
  examples(add, 'accounts add ann@corp.example --region eu', 'accounts add bob --region eu --not-pinned --also us,ca');
  accounts
    .command('remove')
    .description('forget an account')
    .argument('<name>')
    .addOption(configOption())
    .action(action(later(async () => (await import('./accounts-simple.ts')).accountsRemove)));
  const show = accounts
    .command('show')
    .description('where an account lives, and which part of the configuration says so')
    .argument('<name>')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('./accounts-simple.ts')).accountsShow)));
  examples(show, 'accounts show ann@corp.example', 'accounts show ann@corp.example --json');
  accounts
    .command('list')
    .description('list accounts by id: names are not stored')
    .option('--limit <number>', 'how many', wholeNumber, 100)
    .option('--after <cursor>', 'go on from where the last list ended')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('./accounts-simple.ts')).accountsList)));
}

function addFiles(accounts: Command, { configOption, action }: Registry): void {
  const bring = accounts
    .command('import')
    .description('add and change the accounts of a file: all of them, or none')
    .argument('<file>', 'CSV with a header line (name, region, pinned, also) or JSON Lines; - is standard input')
    .addOption(formatOption())
    .option('--dry-run', 'tell what would change, and write nothing')
    .option('--overwrite', 'also accounts that are known in another region')
    .option('--yes', 'do not ask')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('./accounts-import.ts')).accountsImport)));
  examples(bring, 'accounts import accounts.csv --dry-run', 'accounts import - --format jsonl < accounts.jsonl');
  bring.addHelpText('after', '\nname,region,pinned,also\nann@corp.example,eu,true,us ca\n');
  accounts
    .command('export')
    .description('print every account by its hash: names cannot be given back')
    .addOption(new Option('--format <format>', 'in which it is printed').choices(FORMATS).default('csv'))
    .addOption(configOption())
    .action(action(later(async () => (await import('./accounts-export.ts')).accountsExport)));
  const verify = accounts
    .command('verify')
    .description('look whether the directory is sound; exit code 1 when something is off')
    .argument('[file]', 'compare with this file, CSV or JSON Lines; - is standard input')
    .addOption(formatOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('./accounts-verify.ts')).accountsVerify)));
  examples(verify, 'accounts verify', 'accounts verify accounts.csv');
}

function addMoves(accounts: Command, { configOption, action }: Registry): void {
  const move = accounts
    .command('move')
    .description('move an account to another region, losing nothing that is under way')
    .argument('<name>')
    .option('-t, --to <region>', 'where it is to live')
    .option('--keep-old', 'a pinned account still reaches what it made in the old region')
    .option('--drop-old', 'it does not')
    .option('--no-wait', 'begin it, and leave the rest to the gateways')
    .option('--abort', 'end a move before cutover')
    .addOption(
      new Option('--timeout <duration>', 'wait no longer than this').argParser(duration).default(600_000, '10m'),
    )
    .addOption(configOption())
    .action(action(later(async () => (await import('./accounts-move.ts')).accountsMove)));
  examples(move, 'accounts move ann@corp.example --to eu --keep-old', 'accounts move ann@corp.example --abort');
  accounts
    .command('moves')
    .description('list the moves under way')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('./accounts-simple.ts')).accountsMoves)));
}

export function addStoreCommands(program: Command, { configOption, action }: Registry): void {
  const store = program.command('store').description('what gateways keep: accounts, keys, moves');
  const init = store
    .command('init')
    .description('make the mark of a distributed store, once: a store without it is not trusted')
    .option('--renew', 'a new mark over the data that are there, after they were looked at')
    .option('--yes', 'do not ask')
    .addOption(configOption())
    .action(action(later(async () => (await import('./store.ts')).storeInit)));
  examples(init, 'store init --config gateway.yaml', 'store init --renew');
  store
    .command('status')
    .description('engine, mark, accounts, moves, gateways; exit code 1 without a mark, 71 when it is away')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('./store.ts')).storeStatus)));
}
