// `explain`: what is shown to operators is what is decided.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_ACCOUNTS } from '../../src/twin/accounts.ts';
import { startTwin, type Twin } from '../../src/twin/twin.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { type Running, runCli, startCli } from '../support/process.ts';

const RULES = `regions:
  us: { upstreams: ["https://us.onetimesecret.com"], hosts: [us.gateway.example] }
  eu: { upstreams: ["https://eu.onetimesecret.com"], hosts: [eu.gateway.example] }
accounts:
  rules: [{ domain: us.example, region: us }]
`;
const SELF = `${RULES}self: { region: eu, gateways: { us: "https://us.gateway.example", eu: "https://eu.gateway.example" } }
`;
const KEY = 'abcdefghij0123456789abcdefghij0';

let folder: Folder;
let rules: string;
let self: string;
beforeAll(() => {
  folder = openFolder();
  rules = folder.write('rules.yaml', RULES);
  self = folder.write('self.yaml', SELF);
});
afterAll(() => folder[Symbol.dispose]());

async function explain(file: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(['explain', ...args, '--config', file]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

async function explainJson(file: string, ...args: string[]): Promise<unknown> {
  return JSON.parse(await explain(file, '--json', ...args));
}

describe('explain, as text', () => {
  it('shows the route, the rules that spoke, and where a us account’s call goes', async () => {
    expect(await explain(rules, 'POST', '/api/v1/share', '--user', 'Alice@US.example')).toBe(
      [
        'route    v1.share (access: anonymous, effect: creates)',
        'rule 1   the request names no region',
        'rule 3   the account lives in us, pinned',
        "rule 6   no region is named: the account's home, us",
        'sent to  us (account_home); credentials: forward; verified at: nowhere',
        '',
      ].join('\n'),
    );
  });

  it('shows a refusal with its status, sentence and hint', async () => {
    expect(await explain(rules, 'POST', '/api/v1/share')).toBe(
      [
        'route    v1.share (access: anonymous, effect: creates)',
        'rule 1   the request names no region',
        'rule 7   anonymous, no region named and none configured for this call',
        'refused  400 region_required: Nothing in this request tells its region.',
        'hint     Name the region: put it before the path (/us/api/...) or send the header Onetime-Region. Regions here: us, eu.',
        '',
      ].join('\n'),
    );
  });

  it('shows what the gateway answers itself', async () => {
    expect(await explain(rules, 'get', '/api/v1/status')).toMatch(
      /answered by the gateway itself; no region is asked\n$/,
    );
  });

  it('shows a path that is none', async () => {
    expect(await explain(rules, 'GET', '/api/v1/%73tatus')).toMatch(/^route {4}none\nrefused {2}400 path_malformed: /);
  });
});

describe('explain --json', () => {
  it('a us account, private route: verified at us', async () => {
    expect(await explainJson(rules, 'GET', '/api/v1/private/recent', '-u', 'alice@us.example')).toEqual({
      route: 'v1.private.recent',
      access: 'private',
      effect: 'none',
      steps: [
        { rule: 1, says: 'the request names no region' },
        { rule: 3, says: 'the account lives in us, pinned' },
        { rule: 6, says: "no region is named: the account's home, us" },
      ],
      decision: 'permit',
      region: 'us',
      reason: 'account_home',
      credentials: 'forward',
      verify_at: 'us',
      refusal: null,
    });
  });

  it('an account that nobody knows: 401', async () => {
    expect(await explainJson(rules, 'POST', '/eu/api/v1/share', '-u', 'who@else.example')).toMatchObject({
      decision: 'refusal',
      region: null,
      refusal: { code: 'unknown_account', status: 401 },
    });
  });

  it('a private route without user: 401', async () => {
    expect(await explainJson(rules, 'GET', `/us/api/v1/private/${KEY}`)).toMatchObject({
      decision: 'refusal',
      refusal: { code: 'authentication_required', status: 401 },
    });
  });

  it.each([
    ['by path', [`/eu/api/v1/secret/${KEY}`]],
    ['by header', [`/api/v1/secret/${KEY}`, '--region', 'eu']],
    ['by host', [`/api/v1/secret/${KEY}`, '--host', 'EU.gateway.example']],
  ])('an anonymous retrieval, its region named %s', async (_, args) => {
    expect(await explainJson(rules, 'POST', ...args)).toMatchObject({
      decision: 'permit',
      region: 'eu',
      reason: 'anonymous_named',
      credentials: 'none',
      verify_at: null,
    });
  });

  it('a pinned account that names another region: 403', async () => {
    expect(await explainJson(rules, 'POST', '/eu/api/v1/share', '-u', 'alice@us.example')).toMatchObject({
      decision: 'refusal',
      refusal: { code: 'region_not_allowed', status: 403 },
    });
  });

  it('a call for another gateway’s region, where self.region is set: 421 with its URL', async () => {
    expect(await explainJson(self, 'POST', '/api/v1/share', '-u', 'alice@us.example')).toMatchObject({
      decision: 'refusal',
      refusal: { code: 'misdirected', status: 421, hint: 'Use https://us.gateway.example instead.' },
    });
    expect(await explainJson(self, 'POST', '/eu/api/v1/share')).toMatchObject({ decision: 'permit', region: 'eu' });
  });
});

describe('explain beside a running gateway', () => {
  const made = { us: { secret: '', metadata: '' }, eu: { secret: '', metadata: '' } };
  let twins: { us: Twin; eu: Twin };
  let gateway: Running;
  let file: string;
  beforeAll(async () => {
    twins = {
      us: await startTwin({ region: 'us', accounts: DEMO_ACCOUNTS.us }),
      eu: await startTwin({ region: 'eu', accounts: DEMO_ACCOUNTS.eu }),
    };
    file = folder.write(
      'running.yaml',
      `listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
regions:
  us: { upstreams: ["${twins.us.url}"] }
  eu: { upstreams: ["${twins.eu.url}"] }
accounts:
  rules:
    - { account: scout@us.example, region: us, pinned: false }
    - { domain: us.example, region: us }
    - { domain: eu.example, region: eu }
store: sqlite:state/gateway.db
identityKey: state/identity.key
audit: { file: state/audit.jsonl, key: state/audit.key }
`,
    );
    gateway = await startCli(['serve', '--config', file]);
    const [, url = ''] = await gateway.line(/"url":"([^"]+)"/);
    for (const region of ['us', 'eu'] as const) {
      const [account] = DEMO_ACCOUNTS[region];
      const as = `${account?.name}:${account?.token}`;
      const keys = (await call(url, 'POST', '/api/v1/share', { as, body: 'secret=explained&ttl=3600' })).json();
      made[region] = { secret: String(keys.secret_key), metadata: String(keys.metadata_key) };
    }
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await Promise.all([twins.us.close(), twins.eu.close()]);
  });

  it('finds where a key is held, asks no region, and the secret is still there', async () => {
    const before = twins.eu.requests.length;
    expect(await explain(file, 'POST', `/api/v1/secret/${made.eu.secret}`)).toBe(
      [
        'route    v1.secret (access: anonymous, effect: destroys)',
        'rule 1   the request names no region',
        'rule 5   the key is held in eu',
        'sent to  eu (key_held); credentials: none; verified at: nowhere',
        '',
      ].join('\n'),
    );
    expect(twins.eu.requests.length).toBe(before);
    expect(twins.eu.secret(made.eu.secret)).toMatchObject({ consumed: false });
  });

  it('a pinned account, and a key outside its regions: 403, not saying where', async () => {
    const path = `/api/v1/secret/${made.eu.secret}`;
    const text = await explain(file, 'POST', path, '--user', 'alice@us.example');
    expect(text).toMatch(/^rule 5 {3}the key is held outside the regions of a pinned account$/m);
    expect(text).toMatch(/^refused {2}403 held_elsewhere: /m);
    expect(text).not.toMatch(/\beu\b/);
  });

  it('an account that is not pinned: retrieved without its credentials', async () => {
    const path = `/api/v1/secret/${made.eu.secret}`;
    expect(await explainJson(file, 'POST', path, '--user', 'scout@us.example')).toMatchObject({
      decision: 'permit',
      region: 'eu',
      reason: 'key_held',
      credentials: 'strip',
      verify_at: 'us',
    });
  });

  it('the owner’s metadata, and another’s', async () => {
    const path = `/api/v1/private/${made.us.metadata}`;
    expect(await explainJson(file, 'GET', path, '--user', 'Alice@us.example')).toMatchObject({
      decision: 'permit',
      region: 'us',
    });
    expect(await explainJson(file, 'GET', path, '--user', 'carol@us.example')).toMatchObject({
      decision: 'concealed',
      region: null,
      reason: 'key_concealed',
      verify_at: 'us',
    });
    expect(await explain(file, 'GET', path, '--user', 'carol@us.example')).toMatch(
      /^answered as an unknown key; no region is asked; verified at: us$/m,
    );
  });

  it('a key that was not made here: as without a store', async () => {
    expect(await explainJson(file, 'POST', `/api/v1/secret/${KEY}`)).toMatchObject({
      decision: 'refusal',
      refusal: { code: 'region_required' },
    });
  });

  it('leaves the gateway able to go on learning', async () => {
    const [, url = ''] = await gateway.line(/"url":"([^"]+)"/);
    const [account] = DEMO_ACCOUNTS.us;
    const as = `${account?.name}:${account?.token}`;
    const keys = (await call(url, 'POST', '/api/v1/share', { as, body: 'secret=later&ttl=3600' })).json();
    expect(await explainJson(file, 'POST', `/api/v1/secret/${keys.secret_key}`)).toMatchObject({ region: 'us' });
  });
});

it('makes neither store nor identity key where there are none', async () => {
  await explain(rules, 'POST', `/us/api/v1/secret/${KEY}`);
  expect(existsSync(join(folder.path, 'data'))).toBe(false);
});

it('exits 78 when the configuration is broken', async () => {
  const broken = folder.write('broken.yaml', 'regions: 1\n');
  expect(await runCli(['explain', 'GET', '/api/v1/status', '-c', broken])).toMatchObject({ code: 78, stdout: '' });
});
