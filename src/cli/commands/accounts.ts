// The commands for accounts, and their options.
import { type Command, Option } from 'commander';
import { FORMATS } from '../../locality/formats.ts';
import {
  type Action,
  configOption,
  duration,
  examples,
  formatOption,
  jsonOption,
  later,
  regionList,
  wholeNumber,
} from './words.ts';

export function addAccountCommands(program: Command, action: Action): void {
  program.commandsGroup('What gateways keep:');
  const accounts = program
    .command('accounts')
    .description(
      'the directory of accounts: where each lives, and moving them. Names are stored as keyed hashes alone',
    );
  addSimple(accounts, action);
  addFiles(accounts, action);
  addMoves(accounts, action);
}

function addSimple(accounts: Command, action: Action): void {
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
    .addOption(jsonOption())
    .action(
      action(async (name: string, { notPinned = false, also = [], ...options }) =>
        (await import('../accounts-simple.ts')).accountsAdd(name, { ...options, also, pinned: !notPinned }),
      ),
    );
  examples(add, 'accounts add ann@corp.example --region eu', 'accounts add bob --region eu --not-pinned --also us,ca');
  const remove = accounts
    .command('remove')
    .description('forget an account')
    .argument('<name>', 'as the account signs in')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../accounts-simple.ts')).accountsRemove)));
  examples(remove, 'accounts remove ann@corp.example');
  const show = accounts
    .command('show')
    .description('where an account lives, and which part of the configuration says so')
    .argument('<name>', 'as the account signs in')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../accounts-simple.ts')).accountsShow)));
  examples(show, 'accounts show ann@corp.example', 'accounts show ann@corp.example --json');
  const list = accounts
    .command('list')
    .description('list accounts by id: names are not stored')
    .option('--limit <number>', 'how many', wholeNumber, 100)
    .option('--after <cursor>', 'go on from where the last list ended')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../accounts-simple.ts')).accountsList)));
  examples(list, 'accounts list --limit 20', 'accounts list --limit 5000 --json > accounts.json');
}

function addFiles(accounts: Command, action: Action): void {
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
    .action(action(later(async () => (await import('../accounts-import.ts')).accountsImport)));
  examples(bring, 'accounts import accounts.csv --dry-run', 'accounts import - --format jsonl < accounts.jsonl');
  bring.addHelpText('after', '\nname,region,pinned,also\nann@corp.example,eu,true,us ca\n');
  const bringOut = accounts
    .command('export')
    .description('print every account by its hash: names cannot be given back')
    .addOption(new Option('--format <format>', 'in which it is printed').choices(FORMATS).default('csv'))
    .addOption(configOption())
    .action(action(later(async () => (await import('../accounts-export.ts')).accountsExport)));
  examples(bringOut, 'accounts export > accounts.csv', 'accounts export --format jsonl');
  const verify = accounts
    .command('verify')
    .description('look whether the directory is sound; exit code 1 when something is off')
    .argument('[file]', 'compare with this file, CSV or JSON Lines; - is standard input')
    .addOption(formatOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../accounts-verify.ts')).accountsVerify)));
  examples(verify, 'accounts verify', 'accounts verify accounts.csv');
}

function addMoves(accounts: Command, action: Action): void {
  const move = accounts
    .command('move')
    .description('move an account to another region, losing nothing that is under way')
    .argument('<name>', 'as the account signs in')
    .option('-t, --to <region>', 'where it is to live')
    .option('--keep-old', 'a pinned account still reaches what it made in the old region')
    .option('--drop-old', 'it does not')
    .option('--no-wait', 'begin it, and leave the rest to the gateways')
    .option('--abort', 'end a move before cutover')
    .addOption(
      new Option('--timeout <duration>', 'wait no longer than this').argParser(duration).default(600_000, '10m'),
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../accounts-move.ts')).accountsMove)));
  examples(move, 'accounts move ann@corp.example --to eu --keep-old', 'accounts move ann@corp.example --abort');
  const moves = accounts
    .command('moves')
    .description('list the moves under way')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../accounts-simple.ts')).accountsMoves)));
  examples(moves, 'accounts moves', 'accounts moves --json');
}
