// `twin`: runs one stand-in region until a signal ends it.
import { DEMO_ACCOUNTS } from '../twin/accounts.ts';
import { startTwin, type TwinAccount } from '../twin/twin.ts';
import { EXIT, type ExitCode, listenProblem } from './exit.ts';
import { untilSignal } from './serve.ts';

export interface TwinCommandOptions {
  readonly region: string;
  readonly host: string;
  readonly port: number;
  readonly answersAs: '0.20' | '0.26';
}

/** Accounts are those of the demo for `us` and `eu`; other regions have none. */
export async function twin(options: TwinCommandOptions): Promise<ExitCode> {
  const ended = untilSignal();
  const known: Readonly<Record<string, readonly TwinAccount[]>> = DEMO_ACCOUNTS;
  const accounts = known[options.region] ?? [];
  const started = await startTwin({ ...options, version: options.answersAs, accounts }).catch((error: unknown) => {
    throw listenProblem(error, () => 'Choose another with --port.') ?? error;
  });
  process.stdout.write(`twin region ${options.region} (${options.answersAs}) at ${started.url}\n`);
  for (const { name, token } of accounts) process.stdout.write(`account ${name}:${token}\n`);
  await ended;
  await started.close();
  return EXIT.ok;
}
