// The commands for the identity key.
import type { Command } from 'commander';
import { keysRotate } from '../keys.ts';
import { type Action, configOption, examples, jsonOption } from './words.ts';

export function addKeyCommands(program: Command, action: Action): void {
  const rotate = program
    .command('keys')
    .description('the identity key, under which keys and names are hashed')
    .command('rotate')
    .description('make a new identity key; the old one stays readable until its entries have expired')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(
      action(async (options: { config?: string; json?: boolean }) => {
        const { readConfig } = await import('../config.ts');
        const { identityKeyFile } = readConfig(options.config).config;
        keysRotate({ file: identityKeyFile, env: process.env.GATEWAY_IDENTITY_KEY, json: options.json });
        return undefined;
      }),
    );
  examples(rotate, 'keys rotate --config gateway.yaml');
}
