// The program: its groups of commands (commands/), and how a command line ends. What a command needs is loaded when it is
// called: a gateway is much to load for --help.
import { Command, CommanderError } from 'commander';
import { addAccountCommands } from './commands/accounts.ts';
import { addAdminCommands } from './commands/admin.ts';
import { addAuditCommands } from './commands/audit.ts';
import { addGatewayCommands } from './commands/gateway.ts';
import { addKeyCommands } from './commands/keys.ts';
import { addPageCommands } from './commands/pages.ts';
import { addStoreCommands } from './commands/store.ts';
import { addTrialCommands } from './commands/trial.ts';
import type { Action } from './commands/words.ts';
import { CommandError, EXIT, EXIT_MEANING, type ExitCode } from './exit.ts';
import { VERSION } from './package.ts';
import { sayError, speakJson } from './terminal.ts';

/** Each group of commands is a file of its own. */
const GROUPS: readonly ((program: Command, action: Action) => void)[] = [
  addGatewayCommands,
  addAccountCommands,
  addStoreCommands,
  addAuditCommands,
  addKeyCommands,
  addAdminCommands,
  addTrialCommands,
  addPageCommands,
];

const EXIT_CODES = `
Exit codes:
${Object.entries(EXIT_MEANING)
  .map(([code, meaning]) => `  ${code.padEnd(3)} ${meaning}`)
  .join('\n')}

With --json a command prints its result as one JSON document on standard output. On standard error every line
is then an object, too: {"note": ...}, or at the end of one that failed {"error": {"message": ..., "exit_code": ...}}.`;

/** What goes wrong points to the help of the command that was meant. */
function pointToHelp(command: Command, path: string): void {
  command.showHelpAfterError(helpOf(path));
  for (const inner of command.commands) pointToHelp(inner, `${path} ${inner.name()}`);
}

function helpOf(path: string): string {
  return `Try ${path} --help.`;
}

/**
 * @param action what becomes of a command that is called
 * @param silent whether commander is to keep to itself what it says of mistakes
 */
export function createProgram(action: Action, silent = false): Command {
  const program = new Command('onetime-gateway')
    .description('One endpoint in front of the regional data centres of Onetime Secret.')
    .version(VERSION)
    .exitOverride()
    .addHelpText('after', EXIT_CODES);
  if (silent) program.configureOutput({ writeErr: () => {} });
  for (const add of GROUPS) add(program, action);
  pointToHelp(program, program.name());
  return program;
}

/** Whether --json stands among the options: known before they are read, since reading them may fail. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? undefined : end).includes('--json');
}

/** Of a command line that commander does not understand, which without --json it has said itself. */
function sayMistake({ code, message }: CommanderError): void {
  const nothing = code === 'commander.help';
  sayError(nothing ? 'No command was given.' : message.replace(/^error: /, ''), EXIT.usage, {
    hint: helpOf('onetime-gateway'),
  });
}

/** Runs one command line. Sentences about failures go to standard error; resolves to the exit code. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const json = asksForJson(argv);
  if (json) speakJson();
  const program = createProgram(
    (command) =>
      async (...args) => {
        exitCode = (await command(...args)) ?? EXIT.ok;
      },
    json,
  );
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    // --help and --version end this way too, with 0.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      if (json) sayMistake(error);
      return EXIT.usage;
    }
    if (error instanceof CommandError) {
      sayError(error.message, error.exitCode, error.details);
      return error.exitCode;
    }
    throw error;
  }
}
