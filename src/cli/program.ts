// The commands and their options. What a command needs is loaded when it is called: a gateway is much to load for --help.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { LogLevel } from '../config/types.ts';
import { metricsTable } from '../record/metric-table.ts';
import { addAccountCommands, addStoreCommands } from './accounts.ts';
import { adminToken } from './admin-token.ts';
import { CommandError, EXIT, type ExitCode } from './exit.ts';
import { keysRotate } from './keys.ts';
import { VERSION } from './package.ts';

/** What goes wrong points to the help of the command that was meant. */
function pointToHelp(command: Command, path: string): void {
  command.showHelpAfterError(`Try ${path} --help.`);
  for (const inner of command.commands) pointToHelp(inner, `${path} ${inner.name()}`);
}

interface ExplainOptions {
  readonly user?: string;
  readonly region?: string;
  readonly host?: string;
  readonly config?: string;
  readonly json?: boolean;
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value > 65535) throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return value;
}

const configOption = (): Option =>
  new Option('-c, --config <file>', 'configuration file; without it config/gateway.yaml, or the one of the package');

/** Runs one command line. Sentences about failures go to standard error; resolves to the exit code. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const program = new Command('onetime-gateway')
    .description('One endpoint in front of the regional data centres of Onetime Secret.')
    .version(VERSION)
    .exitOverride();

  program
    .command('serve')
    .description('run the gateway')
    .addOption(configOption())
    .addOption(
      new Option('--log-level <level>', 'in place of log.level').choices([
        'fatal',
        'error',
        'warn',
        'info',
        'debug',
        'trace',
        'silent',
      ]),
    )
    .action(async (options: { config?: string; logLevel?: LogLevel }) => {
      const { serve } = await import('./serve.ts');
      exitCode = await serve(options);
    });

  program
    .command('check')
    .description('validate a configuration and say what is wrong with it')
    .addOption(configOption())
    .action(async (options: { config?: string }) => {
      const { readConfig } = await import('./config.ts');
      const { name, config } = readConfig(options.config);
      process.stdout.write(`${name}: good. Regions: ${config.regions.map(({ name }) => name).join(', ')}.\n`);
    });

  program
    .command('explain')
    .description('what would be decided for a request, and why; sends nothing')
    .argument('<method>', 'GET, POST, ...')
    .argument('<path>', 'for example /api/v1/share, or /eu/api/v1/share')
    .option('-u, --user <name>', 'the account that calls; anonymous without it')
    .option('-r, --region <region>', 'the region that the caller names by header')
    .option('--host <host>', 'the host name that the caller uses')
    .addOption(configOption())
    .option('--json', 'print JSON')
    .action(async (method: string, path: string, options: ExplainOptions) => {
      const { readConfig } = await import('./config.ts');
      const { explain, explanationText } = await import('./explain.ts');
      const { openKnown } = await import('./explain-keys.ts');
      const { config } = readConfig(options.config);
      const { user, region, host } = options;
      const { known, close } = await openKnown(config);
      const explanation = await explain(config, { method, path, user, region, host }, known).finally(close);
      process.stdout.write(`${options.json ? JSON.stringify(explanation, null, 2) : explanationText(explanation)}\n`);
    });

  program
    .command('keys')
    .description('the identity key, under which keys and names are hashed')
    .command('rotate')
    .description('make a new identity key; the old one stays readable until its entries have expired')
    .addOption(configOption())
    .action(async (options: { config?: string }) => {
      const { readConfig } = await import('./config.ts');
      const { identityKeyFile } = readConfig(options.config).config;
      keysRotate({ file: identityKeyFile, env: process.env.GATEWAY_IDENTITY_KEY });
    });

  const registry = {
    configOption,
    action:
      <A extends unknown[]>(command: (...args: A) => Promise<ExitCode>) =>
      async (...args: A): Promise<void> => {
        exitCode = await command(...args);
      },
  };
  addAccountCommands(program, registry);
  addStoreCommands(program, registry);

  program
    .command('admin')
    .description('the admin API')
    .command('token')
    .description('make a token for the admin API: shown once, stored as its hash in the configuration')
    .requiredOption('--name <name>', 'whose it is; events name it')
    .addOption(new Option('--role <role>', 'what it may do').choices(['read', 'write']).default('read'))
    .action((options: { name: string; role: 'read' | 'write' }) => adminToken(options));

  program
    .command('demo')
    .description('twin regions us and eu, a gateway before them, and a walk through the API')
    .option('--port <port>', 'public port', port, 8080)
    .option('--admin-port <port>', 'admin port', port, 9464)
    .action(async (options: { port: number; adminPort: number }) => {
      const { demo } = await import('./demo.ts');
      exitCode = await demo(options);
    });

  program
    .command('twin')
    .description('run one stand-in region in memory, for tests and development')
    .option('--region <region>', 'its name', 'us')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port', port, 7801)
    .addOption(new Option('--answers-as <version>', 'service version').choices(['0.20', '0.26']).default('0.20'))
    .action(async (options: { region: string; host: string; port: number; answersAs: '0.20' | '0.26' }) => {
      const { twin } = await import('./twin.ts');
      exitCode = await twin(options);
    });

  program
    .command('metrics-doc')
    .description('print the table of docs/metrics.md')
    .action(() => {
      process.stdout.write(`${metricsTable()}\n`);
    });

  pointToHelp(program, program.name());
  try {
    await program.parseAsync(argv as string[]);
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
