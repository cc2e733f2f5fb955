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
import { CommandError, EXIT, type ExitCode } from './exit.ts';
import { VERSION } from './package.ts';

/** Each group of commands is a file of its own. */
const GROUPS: readonly ((program: Command, action: Action) => void)[] = [
  addGatewayCommands,
  addKeyCommands,
  addAccountCommands,
  addStoreCommands,
  addAuditCommands,
  addAdminCommands,
  addTrialCommands,
  addPageCommands,
];

/** What goes wrong points to the help of the command that was meant. */
function pointToHelp(command: Command, path: string): void {
  command.showHelpAfterError(`Try ${path} --help.`);
  for (const inner of command.commands) pointToHelp(inner, `${path} ${inner.name()}`);
}

/** @param onExit takes the exit code of the command that was run */
export function createProgram(onExit: (code: ExitCode) => void): Command {
  const program = new Command('onetime-gateway')
    .description('One endpoint in front of the regional data centres of Onetime Secret.')
    .version(VERSION)
    .exitOverride();
  const action: Action =
    (command) =>
    async (...args) =>
      onExit((await command(...args)) ?? EXIT.ok);
  for (const add of GROUPS) add(program, action);
  pointToHelp(program, program.name());
  return program;
}

/** Runs one command line. Sentences about failures go to standard error; resolves to the exit code. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    // Commander has said what was wrong itself; --help and --version end this way too, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof CommandError) {
      process.stderr.write(`${error.message}\n`);
      return error.exitCode;
    }
    throw error;
  }
}
