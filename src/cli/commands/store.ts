// The commands for the store, and their options.
import type { Command } from 'commander';
import { type Action, configOption, examples, jsonOption, later } from './words.ts';

export function addStoreCommands(program: Command, action: Action): void {
  const store = program.command('store').description('what gateways keep: accounts, keys, moves');
  const init = store
    .command('init')
    .description('make the mark of a distributed store, once: a store without it is not trusted')
    .option('--renew', 'a new mark over the data that are there, after they were looked at')
    .option('--yes', 'do not ask')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../store.ts')).storeInit)));
  examples(init, 'store init --config gateway.yaml', 'store init --renew');
  const status = store
    .command('status')
    .description('engine, mark, accounts, moves, gateways; exit code 1 without a mark, 71 when it is away')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(action(later(async () => (await import('../store.ts')).storeStatus)));
  examples(status, 'store status', 'store status --json');
}
