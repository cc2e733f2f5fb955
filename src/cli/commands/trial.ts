// The commands that try things out with stand-in regions: demo, twin.
import { type Command, Option } from 'commander';
import { type Action, examples, port } from './words.ts';

export function addTrialCommands(program: Command, action: Action): void {
  program.commandsGroup('To try it out:');
  const demo = program
    .command('demo')
    .description('twin regions us and eu, a gateway before them, and a walk through the API')
    .option('--port <port>', 'public port', port, 8080)
    .option('--admin-port <port>', 'admin port', port, 9464)
    .action(
      action(async (options: { port: number; adminPort: number }) => {
        const { demo } = await import('../demo.ts');
        return demo(options);
      }),
    );
  examples(demo, 'demo', 'demo --port 0 --admin-port 0');
  const twin = program
    .command('twin')
    .description('run one stand-in region in memory, for tests and development')
    .option('--region <region>', 'its name', 'us')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port', port, 7801)
    .addOption(new Option('--answers-as <version>', 'service version').choices(['0.20', '0.26']).default('0.20'))
    .action(
      action(async (options: { region: string; host: string; port: number; answersAs: '0.20' | '0.26' }) => {
        const { twin } = await import('../twin.ts');
        return twin(options);
      }),
    );
  examples(twin, 'twin --region us --port 7801', 'twin --region eu --port 7802 --answers-as 0.26');
}
