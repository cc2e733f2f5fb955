// `demo`: two twin regions, a gateway before them and a walk through the API, all on the loopback address.
import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { parseConfig } from '../config/load.ts';
import { type Gateway, openGateway } from '../gateway.ts';
import { DEMO_ACCOUNTS } from '../twin/accounts.ts';
import { startTwin, type Twin, type TwinAccount } from '../twin/twin.ts';
import { walk, walkText } from './demo-walk.ts';
import { EXIT, type ExitCode, listenProblem } from './exit.ts';
import { VERSION } from './package.ts';
import { untilSignal } from './serve.ts';

const DRAIN_BOUND_MS = 5_000;

export interface DemoOptions {
  readonly port: number;
  readonly adminPort: number;
}

function demoConfig(options: DemoOptions, us: Twin, eu: Twin): string {
  return `
listen: { host: 127.0.0.1, port: ${options.port} }
admin: { host: 127.0.0.1, port: ${options.adminPort} }
regions:
  us: { upstreams: ["${us.url}"] }
  eu: { upstreams: ["${eu.url}"] }
accounts:
  rules:
    - { domain: us.example, region: us }
    - { domain: eu.example, region: eu }
store: "sqlite::memory:"
audit: { file: null }
`;
}

/** Turns log records into one short line a request, so that the walk can be followed. */
function followingLog(): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const entry = JSON.parse(chunk.toString()) as Record<string, string | number | boolean | undefined>;
      if (entry.route !== undefined) {
        const where = entry.replayed ? 'replayed' : (entry.region ?? 'here');
        const what = entry.refusal === undefined ? `${where} (${entry.reason})` : `refused: ${entry.refusal}`;
        process.stdout.write(
          `  ${entry.method} ${entry.route} -> ${what} ${entry.status ?? ''} ${entry.duration_ms} ms\n`,
        );
      }
      done();
    },
  });
}

function credentialsOf(account: TwinAccount | undefined): string {
  return account === undefined ? '' : `${account.name}:${account.token}`;
}

/** Runs until a signal. Port taken: a sentence that says which, and how to choose another. */
export async function demo(options: DemoOptions): Promise<ExitCode> {
  const ended = untilSignal();
  const { us: usAccounts = [], eu: euAccounts = [] } = DEMO_ACCOUNTS;
  const us = await startTwin({ region: 'us', accounts: usAccounts });
  const eu = await startTwin({ region: 'eu', accounts: euAccounts });
  let gateway: Gateway | undefined;
  try {
    const config = parseConfig(demoConfig(options, us, eu), 'the demo’s configuration', {});
    gateway = await openGateway(config, {
      log: pino({ level: 'info' }, followingLog()),
      version: VERSION,
      env: { GATEWAY_IDENTITY_KEY: randomBytes(32).toString('hex') },
    });
    const accounts = { us: credentialsOf(usAccounts[0]), eu: credentialsOf(euAccounts[0]) };
    process.stdout.write(
      `twin regions: us at ${us.url}, eu at ${eu.url}\ngateway: ${gateway.url}\nadmin: ${gateway.adminUrl}\n\n` +
        `Paste these lines into another shell, in order. Ctrl-C here ends the demo.\n\n` +
        `${walkText(walk(gateway.url, gateway.adminUrl, accounts))}\nIn a browser: ${gateway.adminUrl}/ for operators, ${gateway.url}/docs for callers.\n\nRequests as they come:\n`,
    );
    await ended;
    process.stdout.write('\nEnding the demo.\n');
    return EXIT.ok;
  } catch (error) {
    const advice = (port: number): string =>
      `Choose another: npm run demo -- ${port === options.adminPort ? '--admin-port' : '--port'} 0 (0 takes any free one).`;
    throw listenProblem(error, advice) ?? error;
  } finally {
    await gateway?.drain(DRAIN_BOUND_MS);
    await Promise.all([us.close(), eu.close()]);
  }
}
