// The commands around a running gateway: serve, check, explain.
import { type Command, Option } from 'commander';
import type { LogLevel } from '../../config/types.ts';
import { type Action, configOption, examples, jsonOption } from './words.ts';

interface ExplainOptions {
  readonly user?: string;
  readonly region?: string;
  readonly host?: string;
  readonly config?: string;
  readonly json?: boolean;
}

const LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

export function addGatewayCommands(program: Command, action: Action): void {
  program.commandsGroup('The gateway:');
  addServe(program, action);
  addCheck(program, action);
  addExplain(program, action);
}

function addServe(program: Command, action: Action): void {
  const serving = program
    .command('serve')
    .description('run the gateway')
    .addOption(configOption())
    .addOption(new Option('--log-level <level>', 'in place of log.level').choices(LEVELS))
    .action(
      action(async (options: { config?: string; logLevel?: LogLevel }) => {
        const { serve } = await import('../serve.ts');
        return serve(options);
      }),
    );
  examples(serving, 'serve --config gateway.yaml', 'serve --log-level debug');
}

function addCheck(program: Command, action: Action): void {
  const check = program
    .command('check')
    .description('validate a configuration and say what is wrong with it')
    .addOption(configOption())
    .option('--show', 'print every key with its value and where that comes from; secrets are hidden')
    .addOption(jsonOption())
    .action(
      action(async (options: { config?: string; show?: boolean; json?: boolean }) => {
        const { readConfig } = await import('../config.ts');
        const { name, config } = readConfig(options.config);
        const regions = config.regions.map(({ name }) => name);
        if (options.show)
          return void (await import('../config-show.ts')).configShow(options.config, options.json === true);
        if (options.json)
          return void process.stdout.write(`${JSON.stringify({ file: name, good: true, regions }, null, 2)}\n`);
        process.stdout.write(`${name}: good. Regions: ${regions.join(', ')}.\n`);
        return undefined;
      }),
    );
  examples(check, 'check --config gateway.yaml', 'check --show', 'check --json');
}

function addExplain(program: Command, action: Action): void {
  const explain = program
    .command('explain')
    .description('what would be decided for a request, and why; sends nothing')
    .argument('<method>', 'GET, POST, ...')
    .argument('<path>', 'for example /api/v1/share, or /eu/api/v1/share')
    .option('-u, --user <name>', 'the account that calls; anonymous without it')
    .option('-r, --region <region>', 'the region that the caller names by header')
    .option('--host <host>', 'the host name that the caller uses')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(
      action(async (method: string, path: string, options: ExplainOptions) => {
        const { readConfig } = await import('../config.ts');
        const { explain, explanationText } = await import('../explain.ts');
        const { openKnown } = await import('../explain-keys.ts');
        const { config } = readConfig(options.config);
        const { user, region, host } = options;
        const { known, close } = await openKnown(config);
        const explanation = await explain(config, { method, path, user, region, host }, known).finally(close);
        process.stdout.write(`${options.json ? JSON.stringify(explanation, null, 2) : explanationText(explanation)}\n`);
        return undefined;
      }),
    );
  examples(
    explain,
    'explain POST /api/v1/share --user ann@corp.example',
    'explain POST /eu/api/v1/secret/abcdefghij0123456789abcdefghij0 --json',
  );
}
