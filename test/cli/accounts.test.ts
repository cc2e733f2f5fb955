// `accounts add`, `remove`, `show`, `list` and `export`, as child processes on a store of their own.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCli } from '../support/process.ts';
import { type Desk, KEY, openDeskFolder } from './accounts-support.ts';

// Each command is a process of its own: a busy machine takes seconds for some of them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const CANARY = 'canary-7f3a@corp.example';
let desk: Desk;
beforeEach(() => {
  desk = openDeskFolder();
});
afterEach(() => desk[Symbol.dispose]());

describe('accounts add, show and remove', () => {
  it('keep an account by its hash, and its name nowhere', async () => {
    const added = await desk.run('accounts', 'add', CANARY, '--region', 'eu', '--also', 'us,ca');
    expect(added).toMatchObject({ code: 0, stderr: '' });
    expect(added.stdout).toMatch(/^added: eu, pinned, also ca us \(id [0-9a-f]{32}, epoch \d+\)\n$/);
    const shown = await desk.json('accounts', 'show', CANARY.toUpperCase());
    const id = /id ([0-9a-f]{32})/.exec(added.stdout)?.[1];
    expect(shown).toMatchObject({ id, by: 'directory', locality: { home: 'eu', pinned: true, also: ['ca', 'us'] } });
    expect(desk.data()).not.toMatch(/canary/i);
    expect(desk.data()).toContain('cli:');

    expect(await desk.run('accounts', 'remove', CANARY)).toMatchObject({ code: 0, stdout: 'removed\n' });
    expect((await desk.run('accounts', 'remove', CANARY)).stderr).toContain('does not know this account');
    expect(await desk.json('accounts', 'show', CANARY)).toMatchObject({ by: 'unknown', entry: null, locality: null });
    expect(desk.data()).not.toMatch(/canary/i);
  });

  it('change what is known, but a region only by a move or when told so', async () => {
    await desk.run('accounts', 'add', 'ann', '--region', 'eu');
    const changed = await desk.run('accounts', 'add', 'ann', '--region', 'eu', '--not-pinned');
    expect(changed.stdout).toContain('changed: eu, not pinned');
    expect((await desk.run('accounts', 'add', 'ann', '--region', 'eu', '--not-pinned')).stdout).toContain('same: ');
    const other = await desk.run('accounts', 'add', 'ann', '--region', 'us');
    expect(other).toMatchObject({ code: 1, stdout: '' });
    expect(other.stderr).toContain('the account lives in eu. Move it');
    expect((await desk.run('accounts', 'add', 'ann', '--region', 'us', '--overwrite')).stdout).toContain('changed: us');
  });

  it.each([
    [['add', 'ann', '--region', 'ue'], 64, 'There is no region "ue". Configured: us, eu, ca. Did you mean "eu"?'],
    [['add', 'ann', '--region', 'eu', '--also', 'xx'], 64, 'There is no region "xx"'],
    [['add', 'a:b', '--region', 'eu'], 64, 'A name with a colon cannot be sent as Basic credentials'],
    [['add', 'ann'], 64, 'Say where it lives: --region REGION.'],
    [
      ['add', 'ann', '--regoin', 'us'],
      64,
      "unknown option '--regoin'\n(Did you mean --region?)\nTry onetime-gateway accounts add --help.",
    ],
    [['list', '--limit', '0'], 64, 'Expected a whole number from 1'],
    [['list', '--after', '!'], 64, 'That is no cursor of a list'],
    [['move', 'ann'], 64, 'Say where: --to REGION'],
    [['move', 'ann', '--to', 'eu', '--timeout', '5'], 64, 'a duration with its unit'],
    [['move', 'nobody', '--to', 'eu'], 1, 'Nobody knows this account: add it first'],
    [['move', 'nobody', '--abort'], 1, 'No move of this account is under way'],
  ])('say what is wrong: accounts %j exits %i', async (args, code, sentence) => {
    // What is only looked at needs a store that is there.
    if (args[0] === 'list' || args.includes('--abort')) await desk.run('accounts', 'add', 'other', '--region', 'us');
    const finished = await desk.run('accounts', ...args);
    expect(finished.stderr).toContain(sentence);
    expect(finished).toMatchObject({ code, stdout: '' });
    expect(finished.stderr).not.toMatch(/\n {4}at /);
  });

  it('tell of an account that a rule knows, and that an entry overrules it', async () => {
    const before = await desk.run('accounts', 'show', 'bob@us.example');
    expect(before.stderr).toContain('There is no store at');
    const added = await desk.run('accounts', 'add', 'bob@us.example', '--region', 'eu');
    expect(added.stderr).toContain('Until now a rule of the configuration (accounts.rules) said us');
    const shown = await desk.run('accounts', 'show', 'bob@us.example');
    expect(shown.stdout).toMatch(
      /by {9}the directory .*\nin force {3}eu, pinned\nentry {6}eu, pinned \(epoch \d+\)\n$/,
    );
    expect((await desk.run('accounts', 'remove', 'bob@us.example')).stdout).toContain('still known by a rule of');
    const { stdout } = await desk.run('accounts', 'show', 'bob@us.example');
    expect(stdout).toMatch(/by {9}a rule of the configuration/);
    expect(stdout).toContain('entry      none in the directory');
  });

  it('say where an entry is not in force', async () => {
    using hidden = openDeskFolder('accounts: { order: [rules, directory], rules: [{ account: bob, region: us }] }');
    const { code, stderr } = await hidden.run('accounts', 'add', 'bob', '--region', 'eu');
    expect(code).toBe(0);
    expect(stderr).toContain(
      'The entry is not in force: a rule of the configuration (accounts.rules) knows the account and comes first',
    );
    const shown = await hidden.run('accounts', 'show', 'bob');
    expect(shown.stdout).toContain('this entry is not in force');
    const move = await hidden.run('accounts', 'move', 'bob', '--to', 'ca', '--keep-old');
    expect(move).toMatchObject({ code: 78, stdout: '' });
    expect(move.stderr).toContain('Put directory first in accounts.order');
  });
});

describe('accounts list and export', () => {
  it('give hashes, and say that names are not stored', async () => {
    for (const name of [CANARY, 'b', 'c']) await desk.run('accounts', 'add', name, '--region', 'eu', '--also', 'us ca');
    const listed = await desk.run('accounts', 'list', '--limit', '2');
    expect(listed.stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(listed.stderr).toContain('2 of 3 accounts. Names are not stored');
    const after = /--after (\S+)/.exec(listed.stderr)?.[1] ?? '';
    expect((await desk.json('accounts', 'list', '--after', after)).accounts).toHaveLength(1);

    const csv = await desk.run('accounts', 'export');
    expect(csv.stderr).toContain('Names are not stored and cannot be given back');
    const [header, ...rows] = csv.stdout.trimEnd().split('\n');
    expect(header).toBe('hash,region,pinned,also,epoch');
    expect(rows).toHaveLength(3);
    for (const row of rows) expect(row).toMatch(/^[0-9a-f]{32},eu,true,ca us,\d+$/);
    const jsonl = await desk.run('accounts', 'export', '--format', 'jsonl');
    const lines = jsonl.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ hash }) => hash).sort()).toEqual(rows.map((row) => row.slice(0, 32)).sort());
    expect(csv.stdout + csv.stderr + jsonl.stdout + listed.stdout).not.toContain('canary');
  });
});

describe('a store that cannot be used', () => {
  it('is not made by commands that only look', async () => {
    for (const args of [['list'], ['show', 'ann'], ['moves'], ['export'], ['verify']]) {
      const { code, stderr } = await desk.run('accounts', ...args);
      expect({ args, code }).toEqual({ args, code: 1 });
      expect(stderr).toContain('There is no store at');
    }
    expect(existsSync(desk.database)).toBe(false);
  });

  it('with its key gone is not written to under a new one', async () => {
    await desk.run('accounts', 'add', 'ann', '--region', 'eu');
    rmSync(join(desk.folder.path, 'data', 'id.key'));
    const { code, stderr } = await desk.run('accounts', 'add', 'bob', '--region', 'eu');
    expect(code).toBe(78);
    expect(stderr).toContain('no identity key');
    expect(existsSync(join(desk.folder.path, 'data', 'id.key'))).toBe(false);
  });

  it('in memory belongs to the gateway alone', async () => {
    const config = desk.folder.write(
      'memory.yaml',
      'regions: { us: { upstreams: ["http://127.0.0.1:9"] } }\nstore: "sqlite::memory:"\n',
    );
    const { code, stderr } = await runCli(['accounts', 'add', 'ann', '--region', 'us', '-c', config], {
      env: { GATEWAY_IDENTITY_KEY: KEY },
    });
    expect(code).toBe(78);
    expect(stderr).toContain('Use the admin API');
  });

  it('that is no store: 71, and no stack', async () => {
    await desk.run('accounts', 'add', 'ann', '--region', 'eu');
    desk.folder.write(
      'data/gateway.db',
      'this is no database, and it is long enough to be looked at, whatever its name',
    );
    const { code, stderr } = await desk.run('accounts', 'list');
    expect(code).toBe(71);
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});

it('help of every command has its examples, and nothing is left without a description', async () => {
  const help = await runCli(['accounts', '--help']);
  for (const name of ['add', 'remove', 'show', 'list', 'import', 'export', 'move', 'moves', 'verify']) {
    expect(help.stdout).toMatch(new RegExp(`^  ${name} .*[a-z]`, 'm'));
  }
  const { stdout, code } = await runCli(['accounts', 'import', '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('$ onetime-gateway accounts import accounts.csv --dry-run');
});
