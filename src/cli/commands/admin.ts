// The commands for the admin API.
import { type Command, Option } from 'commander';
import { adminToken } from '../admin-token.ts';
import { type Action, examples, jsonOption } from './words.ts';

export function addAdminCommands(program: Command, action: Action): void {
  program.commandsGroup('For operators:');
  const token = program
    .command('admin')
    .description('the admin API')
    .command('token')
    .description('make a token for the admin API: shown once, stored as its hash in the configuration')
    .requiredOption('--name <name>', 'whose it is; events name it')
    .addOption(new Option('--role <role>', 'what it may do').choices(['read', 'write']).default('read'))
    .addOption(jsonOption())
    .action(
      action(async (options: { name: string; role: 'read' | 'write'; json?: boolean }) => {
        adminToken(options);
        return undefined;
      }),
    );
  examples(token, 'admin token --name deploy --role write', 'admin token --name dashboard --json');
}
