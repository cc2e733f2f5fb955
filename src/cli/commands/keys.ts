// The commands for the identity key.
import type { Command } from 'commander';
import { keysRotate } from '../keys.ts';
import { type Action, configOption } from './words.ts';

export function addKeyCommands(program: Command, action: Action): void {
  program
    .command('keys')
    .description('the identity key, under which keys and names are hashed')
    .command('rotate')
    .description('make a new identity key; the old one stays readable until its entries have expired')
    .addOption(configOption())
    .action(
      action(async (options: { config?: string }) => {
        const { readConfig } = await import('../config.ts');
        const { identityKeyFile } = readConfig(options.config).config;
        keysRotate({ file: identityKeyFile, env: process.env.GATEWAY_IDENTITY_KEY });
        return undefined;
      }),
    );
}
