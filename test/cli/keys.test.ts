// `keys rotate`: a new identity key for the gateways of one store, and what was learned before is still found.
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OLD_KEY_KEPT_DAYS } from '../../src/cli/keys.ts';
import { startTwin, type Twin } from '../../src/twin/twin.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { type Finished, type Running, runCli, startCli } from '../support/process.ts';

const HEX64 = /[0-9a-f]{64}/i;
const OLD = 'a1'.repeat(32);

let folder: Folder;
let config: string;
let keyFile: string;
beforeEach(() => {
  folder = openFolder();
  config = folder.write(
    'gateway.yaml',
    'regions: { us: { upstreams: ["http://127.0.0.1:9"] } }\nidentityKey: id.key\n',
  );
  keyFile = join(folder.path, 'id.key');
});
afterEach(() => folder[Symbol.dispose]());

const rotate = (env?: Record<string, string | undefined>): Promise<Finished> =>
  runCli(['keys', 'rotate', '--config', config], { env: { GATEWAY_IDENTITY_KEY: undefined, ...env } });
const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');

function writeKey(text: string, mode = 0o600): void {
  writeFileSync(keyFile, text, { mode });
  chmodSync(keyFile, mode);
}

describe('keys rotate', () => {
  it('puts a new key first, keeps the one before for reading, and prints neither', async () => {
    writeKey(`${OLD}\n`);
    const before = Date.now();
    const { code, stdout, stderr } = await rotate();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [current = '', older = '', ...more] = linesOf(keyFile);
    expect(current).toMatch(/^[0-9a-f]{64}$/);
    expect(current).not.toBe(OLD);
    const [key, until = ''] = older.split(' until=');
    expect([key, more]).toEqual([OLD, []]);
    const keptDays = (Date.parse(until) - before) / 86_400_000;
    expect(keptDays).toBeGreaterThanOrEqual(OLD_KEY_KEPT_DAYS);
    expect(keptDays).toBeLessThan(OLD_KEY_KEPT_DAYS + 0.1);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(stdout).toContain(`A new identity key is first in ${keyFile}.\nThe one before is read until ${until}`);
    expect(stdout).toContain('Restart every one on this store now');
    expect(stdout).not.toMatch(HEX64);
  });

  it('keeps older keys whose time is not over, and says so', async () => {
    writeKey(`${OLD}\n${'b2'.repeat(32)} until=2999-01-01T00:00:00Z\n${'c3'.repeat(32)} until=2001-01-01T00:00:00Z\n`);
    const { code, stdout } = await rotate();
    expect(code).toBe(0);
    expect(linesOf(keyFile).map((line) => line.slice(0, 2))).toEqual([expect.any(String), 'a1', 'b2']);
    expect(stdout).toContain('; 1 still older key is kept too; 1 whose time was over is gone.');
  });

  it('exits 78 when there is no key yet, and makes none', async () => {
    const { code, stdout, stderr } = await rotate();
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toContain(`There is no identity key to rotate at ${keyFile}`);
    expect(() => statSync(keyFile)).toThrow('ENOENT');
  });

  it('exits 78 when others may read the key, and leaves it as it is', async () => {
    writeKey(`${OLD}\n`, 0o644);
    const { code, stderr } = await rotate();
    expect(code).toBe(78);
    expect(stderr).toContain(`Run: chmod 600 ${keyFile}`);
    expect(stderr).not.toContain(OLD);
    expect(linesOf(keyFile)).toEqual([OLD]);
  });

  it('exits 64 when the key comes from the environment, saying how to rotate there, and shows no value', async () => {
    writeKey(`${OLD}\n`);
    const { code, stdout, stderr } = await rotate({ GATEWAY_IDENTITY_KEY: 'd4'.repeat(32) });
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain('openssl rand -hex 32');
    expect(stderr).not.toMatch(HEX64);
    expect(linesOf(keyFile)).toEqual([OLD]);
  });
});

describe('a gateway whose key was rotated', () => {
  const account = { name: 'ann@us.example', token: 'token-of-ann' } as const;
  let twin: Twin;
  beforeEach(async () => {
    twin = await startTwin({ region: 'us', accounts: [account] });
    config = folder.write(
      'gateway.yaml',
      `listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
regions: { us: { upstreams: ["${twin.url}"] }, eu: { upstreams: ["http://127.0.0.1:9"] } }
accounts: { rules: [{ domain: us.example, region: us }, { domain: also.example, region: us }] }
identityKey: id.key
`,
    );
  });
  afterEach(() => twin.close());

  async function serve(): Promise<{ running: Running; url: string }> {
    const running = await startCli(['serve', '--config', config], { env: { GATEWAY_IDENTITY_KEY: undefined } });
    const [, url = ''] = await running.line(/"url":"([^"]+)"/);
    return { running, url };
  }

  async function make(url: string): Promise<{ secret: string; metadata: string }> {
    const as = `${account.name}:${account.token}`;
    const made = (await call(url, 'POST', '/api/v1/share', { as, body: 'secret=kept&ttl=3600' })).json();
    return { secret: String(made.secret_key), metadata: String(made.metadata_key) };
  }

  it('finds after its restart what it learned before and whose it is, and what it learns since', async () => {
    let before: { secret: string; metadata: string };
    {
      const { running, url } = await serve();
      await using _ = running;
      before = await make(url);
    }
    expect(await rotate()).toMatchObject({ code: 0 });

    const { running, url } = await serve();
    await using _ = running;
    const explained = await runCli(
      ['explain', 'GET', `/api/v1/private/${before.metadata}`, '--user', 'other@also.example', '--config', config],
      { env: { GATEWAY_IDENTITY_KEY: undefined } },
    );
    expect(explained.stdout).toContain('answered as an unknown key');
    const since = await make(url);
    for (const { secret } of [before, since]) {
      const retrieved = await call(url, 'POST', `/api/v1/secret/${secret}`);
      expect(retrieved).toMatchObject({ status: 200, headers: { 'onetime-gateway-region': 'us' } });
    }
  });
});
