// `explain` with prefixes that are passed through, and where the store or its key cannot be used: a sentence, no crash.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { runCli } from '../support/process.ts';

const CONFIG = `regions:
  us: { upstreams: ["https://us.onetimesecret.com"] }
  eu: { upstreams: ["https://eu.onetimesecret.com"] }
accounts:
  rules: [{ domain: us.example, region: us }]
passthrough:
  - { prefix: /help, region: eu }
  - { prefix: /static, region: eu, credentials: forward }
`;
const CALL = ['explain', 'POST', '/api/v1/secret/abcdefghij0123456789abcdefghij0'];

let folder: Folder;
let file: string;
beforeEach(() => {
  folder = openFolder();
  file = folder.write('gateway.yaml', CONFIG);
});
afterEach(() => folder[Symbol.dispose]());

const explain = (args: string[], env: Record<string, string> = {}) => runCli([...args, '--config', file], { env });

describe('a prefix that is passed through', () => {
  it('goes to its region, as nobody where credentials are dropped', async () => {
    const { stdout } = await explain(['explain', 'GET', '/help/a.html', '--user', 'alice@us.example']);
    expect(stdout).toMatch(/^route {4}passthrough[\s\S]*sent to {2}eu \(anonymous_named\); credentials: none/);
  });

  it('is closed to an account of another region where credentials are forwarded', async () => {
    const { stdout } = await explain(['explain', 'GET', '/static/a.css', '--user', 'alice@us.example']);
    expect(stdout).toMatch(/refused {2}403 region_not_allowed/);
  });

  it('with a path that could be read in two ways is refused', async () => {
    const { stdout } = await explain(['explain', 'GET', '/help/%2e%2e/api/v1/status']);
    expect(stdout).toMatch(/refused {2}400 path_malformed/);
  });
});

describe('a store or key that cannot be used', () => {
  const data = (name: string, text: string, mode: number): void => {
    const path = join(folder.path, 'data', name);
    mkdirSync(join(folder.path, 'data'), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, mode);
  };

  it('a store without its key: 78, and nothing is made', async () => {
    data('gateway.db', '', 0o600);
    const { code, stderr } = await explain(CALL);
    expect(code).toBe(78);
    expect(stderr).toMatch(/^There is a store at .* but no identity key .* GATEWAY_IDENTITY_KEY/);
  });

  it('a key that others can read: 78, and the key is not shown', async () => {
    data('gateway.db', '', 0o600);
    data('identity.key', `${'ab'.repeat(32)}\n`, 0o644);
    const { code, stderr } = await explain(CALL);
    expect(code).toBe(78);
    expect(stderr.split('\n')).toHaveLength(2);
    expect(stderr).not.toContain('abab');
  });

  it('a damaged store: 71, with what to do', async () => {
    data('gateway.db', 'this is no database, whatever it is called, and it is long enough to be looked at', 0o600);
    data('identity.key', `${'ab'.repeat(32)}\n`, 0o600);
    const { code, stderr } = await explain(CALL);
    expect(code).toBe(71);
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});
