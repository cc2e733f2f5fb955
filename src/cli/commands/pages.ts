// The commands for the shell and the documentation: they print what is made from the program itself.
import { Argument, type Command } from 'commander';
import type { Shell } from '../completion.ts';
import { type Action, examples } from './words.ts';

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];

export function addPageCommands(program: Command, action: Action): void {
  program.commandsGroup('The shell and the documentation:');
  const completion = program
    .command('completion')
    .description('print a script that lets the shell complete commands and options')
    .addArgument(new Argument('<shell>', 'yours').choices(SHELLS))
    .action(
      action(async (shell: Shell) => {
        const { completion } = await import('../completion.ts');
        return print(completion(program, shell));
      }),
    );
  examples(
    completion,
    'completion bash > ~/.local/share/bash-completion/completions/onetime-gateway',
    'completion zsh > ~/.zfunc/_onetime-gateway',
    'completion fish > ~/.config/fish/completions/onetime-gateway.fish',
  );
  addDocuments(program, action);
  program.helpCommand('help [command]', 'the help of a command');
}

function addDocuments(program: Command, action: Action): void {
  const metrics = program
    .command('metrics-doc')
    .description('print the table of docs/metrics.md')
    .action(
      action(async () => {
        const { metricsTable } = await import('../../record/metric-table.ts');
        return print(`${metricsTable()}\n`);
      }),
    );
  examples(metrics, 'metrics-doc');
  const commands = program
    .command('cli-doc')
    .description('print docs/cli.md')
    .action(
      action(async () => {
        const { commandsDocument } = await import('../document.ts');
        return print(commandsDocument(program));
      }),
    );
  examples(commands, 'cli-doc');
}

function print(text: string): undefined {
  process.stdout.write(text);
}
