// docs/accounts.md and docs/several-gateways.md: their commands run as they stand, in order, and their configurations load.
import { chmodSync } from 'node:fs';
import { delimiter } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { blocksOf, readDocument } from '../support/markdown.ts';
import { ROOT, run } from '../support/process.ts';
import { HAS_REDIS, startRedis } from '../support/redis.ts';

const accounts = readDocument('docs/accounts.md');
const several = readDocument('docs/several-gateways.md');
const commandsOf = (document: string): string[] =>
  blocksOf(document, 'sh').flatMap((block) => block.trim().split('\n'));

let folder: Folder;
afterEach(() => folder[Symbol.dispose]());

/** A folder with a command `onetime-gateway` that runs the sources. */
function openShell(config: string): (command: string) => ReturnType<typeof run> {
  folder = openFolder();
  const command = folder.write('onetime-gateway', `#!/bin/sh\nexec "${process.execPath}" "${ROOT}src/main.ts" "$@"\n`);
  chmodSync(command, 0o755);
  folder.write('gateway.yaml', config);
  const env = { PATH: `${folder.path}${delimiter}${process.env.PATH}`, GATEWAY_IDENTITY_KEY: '5a'.repeat(32) };
  return (line) => run('bash', ['-c', line], { cwd: folder.path, env });
}

const PRINTED: Readonly<Record<string, RegExp>> = {
  'accounts add': /^added: us, pinned \(id [0-9a-f]{32}, epoch \d+\)$/m,
  'accounts show': /^in force +us, pinned$/m,
  'accounts list': /^[0-9a-f]{32} +us +pinned/m,
  'accounts remove': /removed/,
  'import people.csv --dry-run': /^Would be: 2 added/m,
  'import people.csv --config': /^Done: 2 added/m,
  'verify people.csv': /2 the same, 0 missing, 0 differ/,
  'accounts export': /^hash,region,pinned,also,epoch\n([0-9a-f]{32},.+\n){2}$/,
  'accounts move': /^finished +it lives in eu$/m,
  'store init --config': /./,
  'store status': /^engine +valkey, up$/m,
  'accounts verify --config': /^sound$/m,
  'store init --renew': /./,
};

async function walk(document: string, shell: ReturnType<typeof openShell>): Promise<void> {
  const commands = commandsOf(document);
  expect(commands.length).toBeGreaterThan(3);
  for (const command of commands) {
    const { code, stdout, stderr } = await shell(command);
    expect({ command, code, stderr: code === 0 ? '' : stderr }).toEqual({ command, code: 0, stderr: '' });
    const [, printed] = Object.entries(PRINTED).find(([part]) => command.includes(part)) ?? [];
    expect(stdout, command).toMatch(printed ?? /^$/);
  }
}

describe('docs/accounts.md', () => {
  it('commands', async () => {
    const shell = openShell(`regions:
  us: { upstreams: ["http://127.0.0.1:9"] }
  eu: { upstreams: ["http://127.0.0.1:10"] }
  ca: { upstreams: ["http://127.0.0.1:11"] }
`);
    folder.write('people.csv', blocksOf(accounts, 'csv')[0] ?? '');
    await walk(accounts, shell);
  }, 60_000);

  it('the source', () => {
    folder = openFolder();
    const [source = ''] = blocksOf(accounts, 'yaml');
    const text = `${source}\nregions:\n  us: { upstreams: ["https://us.example"] }\n  eu: { upstreams: ["https://eu.example"] }\n`;
    const { accounts: parsed } = parseConfig(text, 'g.yaml', {});
    expect(parsed.source).toMatchObject({
      timeoutMs: 2_000,
      refreshMs: 300_000,
      expireMs: 86_400_000,
      token: undefined,
    });
  });
});

describe.skipIf(!HAS_REDIS)('docs/several-gateways.md', () => {
  it('commands', async () => {
    await using redis = await startRedis();
    const [text = ''] = blocksOf(several, 'yaml');
    expect(parseConfig(text, '/g.yaml', {}).store).toMatchObject({
      kind: 'valkey',
      tls: true,
      caFile: '/store-ca.pem',
    });
    const here = text.replace(/^store: .*$/m, `store: "${redis.url}"`);
    expect(here).not.toBe(text);
    await walk(several, openShell(here));
  }, 60_000);
});
