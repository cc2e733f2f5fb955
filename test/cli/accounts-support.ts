// Shared by the tests of `accounts` and `store`: a configuration with a store of its own, and what lies in its files.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Folder, openFolder } from '../support/folder.ts';
import { type Finished, type Running, runCli, startCli } from '../support/process.ts';

export const KEY = 'ab'.repeat(32);

export interface Desk extends Disposable {
  readonly folder: Folder;
  readonly config: string;
  readonly database: string;
  run(...args: string[]): Promise<Finished>;
  start(...args: string[]): Promise<Running>;
  /** The parsed output of a command with --json. */
  json(...args: string[]): Promise<Record<string, unknown>>;
  /** Everything that lies in the folder of the data, as one text. */
  data(): string;
}

export function openDeskFolder(extra = ''): Desk {
  const folder = openFolder();
  const config = folder.write(
    'gateway.yaml',
    `listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
regions:
  us: { upstreams: ["http://127.0.0.1:9"] }
  eu: { upstreams: ["http://127.0.0.1:10"] }
  ca: { upstreams: ["http://127.0.0.1:11"] }
store: sqlite:data/gateway.db
identityKey: data/id.key
${extra === '' ? 'accounts: { rules: [{ domain: us.example, region: us }] }' : extra}
`,
  );
  const data = join(folder.path, 'data');
  const env = { GATEWAY_IDENTITY_KEY: undefined };
  const run = (...args: string[]): Promise<Finished> => runCli([...args, '-c', config], { env, cwd: folder.path });
  return {
    folder,
    config,
    database: join(data, 'gateway.db'),
    run,
    start: (...args) => startCli([...args, '-c', config], { env, cwd: folder.path }),
    async json(...args) {
      const { stdout, stderr } = await run(...args, '--json');
      try {
        return JSON.parse(stdout) as Record<string, unknown>;
      } catch {
        throw new Error(`no JSON: ${stdout}${stderr}`);
      }
    },
    data: () =>
      existsSync(data)
        ? readdirSync(data)
            .map((name) => readFileSync(join(data, name), 'latin1'))
            .join('')
        : '',
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}
