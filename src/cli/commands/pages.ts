// The commands that print what the documentation holds of the program.
import type { Command } from 'commander';
import { metricsTable } from '../../record/metric-table.ts';
import type { Action } from './words.ts';

export function addPageCommands(program: Command, action: Action): void {
  program
    .command('metrics-doc')
    .description('print the table of docs/metrics.md')
    .action(
      action(async () => {
        process.stdout.write(`${metricsTable()}\n`);
        return undefined;
      }),
    );
}
