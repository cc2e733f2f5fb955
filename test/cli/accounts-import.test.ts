// `accounts import` and `accounts verify FILE`: all of a file or nothing, also when it is cut short or not alone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ROOT, start } from '../support/process.ts';
import { type Desk, openDeskFolder } from './accounts-support.ts';

// Each command is a process of its own: a busy machine takes seconds for some of them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

let desk: Desk;
beforeEach(() => {
  desk = openDeskFolder();
});
afterEach(() => desk[Symbol.dispose]());

const FILE = 'name,region,pinned,also\ncanary-a@corp.example,eu,true,us\ncanary-b@corp.example,us,no,\n';
const many = (count: number, region: string, from = 0): string =>
  `name,region\n${Array.from({ length: count }, (_, at) => `user${from + at}@corp.example,${region}\n`).join('')}`;
const total = async (): Promise<unknown> => (await desk.json('accounts', 'list')).total;

describe('accounts import', () => {
  it('tells what it would change with --dry-run, changes it without, and then finds it the same', async () => {
    const file = desk.folder.write('accounts.csv', FILE);
    await desk.run('accounts', 'add', 'canary-b@corp.example', '--region', 'us');
    const dry = await desk.run('accounts', 'import', file, '--dry-run');
    expect(dry).toMatchObject({ code: 0, stdout: 'Would be: 1 added, 1 changed, 0 the same. Nothing was written.\n' });
    expect(await total()).toBe(1);
    const done = await desk.run('accounts', 'import', file);
    expect(done).toMatchObject({ code: 0, stdout: 'Done: 1 added, 1 changed, 0 the same.\n', stderr: '' });
    expect(await desk.json('accounts', 'import', file)).toMatchObject({
      result: 'written',
      lines: 2,
      fault_count: 0,
      summary: { added: 0, changed: 0, same: 2, region_changed: 0, moving: 0 },
    });
    expect(desk.data()).not.toContain('canary');
    expect(await desk.json('accounts', 'show', 'canary-b@corp.example')).toMatchObject({
      locality: { home: 'us', pinned: false, also: [] },
    });
  });

  it('names every bad line, and writes none of the good ones', async () => {
    const file = desk.folder.write('accounts.csv', `${FILE}x,ue,,\ny,eu,maybe,\ncanary-a@corp.example,eu,,\n`);
    const { code, stderr, stdout } = await desk.run('accounts', 'import', file);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toEqual([
      `${file}:4: region: found "ue", expected one of us, eu, ca. Did you mean "eu"?`,
      `${file}:5: pinned: found "maybe", expected true or false`,
      expect.stringContaining(`${file}:6: name: found "canary-a@corp.example", which line 2 has too`),
      'Nothing was written: 3 faults in 5 accounts.',
    ]);
    expect(await total()).toBe(0);
    expect(desk.data()).not.toContain('canary');
    expect(await desk.json('accounts', 'import', file)).toMatchObject({
      result: 'faults',
      fault_count: 3,
      faults: [{ line: 4, field: 'region', found: '"ue"' }, { line: 5 }, { line: 6 }],
      summary: null,
    });
  });

  it('shows a hundred faults, and counts the others', async () => {
    const file = desk.folder.write('accounts.csv', many(150, 'xx'));
    const { stderr } = await desk.run('accounts', 'import', file);
    expect(stderr.match(/expected one of/g)).toHaveLength(100);
    expect(stderr).toContain('... and 50 more.\nNothing was written: 150 faults in 150 accounts.');
  });

  it('names conflicts by line, and changes regions only when told twice', async () => {
    const file = desk.folder.write('accounts.csv', FILE);
    await desk.run('accounts', 'add', 'canary-a@corp.example', '--region', 'ca');
    const conflict = await desk.run('accounts', 'import', file);
    expect({ code: conflict.code, stdout: conflict.stdout }).toEqual({ code: 1, stdout: '' });
    expect(conflict.stderr).toContain(`${file}:2: it lives in another region. Move it`);
    expect(await desk.run('accounts', 'import', file, '--dry-run')).toMatchObject({ code: 1 });
    const asked = await desk.run('accounts', 'import', file, '--overwrite');
    expect(asked).toMatchObject({ code: 64, stdout: '' });
    expect(asked.stderr).toContain('1 account would change region at once');
    expect(await total()).toBe(1);
    const done = await desk.run('accounts', 'import', file, '--overwrite', '--yes');
    expect(done.stdout).toBe('Done: 1 added, 1 changed (1 of them their region), 0 the same.\n');
  });

  it('leaves an account that is being moved alone, whatever it is told', async () => {
    const file = desk.folder.write('accounts.csv', FILE);
    await desk.run('accounts', 'add', 'canary-a@corp.example', '--region', 'eu', '--also', 'us');
    await desk.run('accounts', 'move', 'canary-a@corp.example', '--to', 'ca', '--keep-old', '--no-wait');
    const { code, stderr } = await desk.run('accounts', 'import', file, '--overwrite', '--yes');
    expect(code).toBe(1);
    expect(stderr).toContain(`${file}:2: it is being moved. Wait for the end of the move, or abort it.`);
    expect(await total()).toBe(1);
  });

  it('reads standard input when its format is said', async () => {
    const file = desk.folder.write('accounts.txt', FILE);
    expect((await desk.run('accounts', 'import', file)).stderr).toContain('add --format csv or --format jsonl');
    const line = `"${process.execPath}" src/main.ts accounts import - --format csv -c "${desk.config}" < "${file}"`;
    await using piped = await start('sh', ['-c', line], { env: { GATEWAY_IDENTITY_KEY: undefined } });
    expect(await piped.exited).toMatchObject({ code: 0 });
    expect(piped.stdout()).toBe('Done: 2 added, 0 changed, 0 the same.\n');
  });

  it.each([
    ['nothing.csv', 'there is no such file'],
    ['data.csv/', 'it is a directory'],
  ])('says why %s cannot be read', async (name, why) => {
    if (name.endsWith('/')) desk.folder.write('x', '');
    const path = name.endsWith('/') ? `${desk.folder.path}/.` : name;
    const { code, stderr } = await desk.run('accounts', 'import', path, '--format', 'csv');
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot be read: ${why}.`);
  });

  it.each(['SIGKILL', 'SIGINT'] as const)('that %s ends in the middle leaves nothing', async (signal) => {
    await desk.run('accounts', 'add', 'first', '--region', 'us');
    // Standard input that does not end: the import is surely under way when the signal comes.
    const args = [`${ROOT}src/main.ts`, 'accounts', 'import', '-', '--format', 'csv', '-c', desk.config];
    const child = spawn(process.execPath, args, { env: { ...process.env, GATEWAY_IDENTITY_KEY: undefined } });
    try {
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      child.stdin.on('error', () => undefined).write(many(30_000, 'eu'));
      await vi.waitFor(() => expect(said).toContain('25000 accounts read'), { timeout: 60_000, interval: 50 });
      child.kill(signal);
      await once(child, 'close');
      if (signal === 'SIGINT') expect(said).toContain('Interrupted: nothing was written.');
    } finally {
      child.kill('SIGKILL');
    }
    expect(await total()).toBe(1);
    expect((await desk.run('accounts', 'add', 'second', '--region', 'us')).code).toBe(0);
  });

  it('and another at the same time: each is whole', async () => {
    const files = ['eu', 'us', 'ca'].map((region, at) =>
      desk.folder.write(`${region}.csv`, many(5000, region, at * 5000)),
    );
    await desk.run('accounts', 'add', 'first', '--region', 'eu');
    const finished = await Promise.all(files.map((file) => desk.run('accounts', 'import', file)));
    for (const { code, stdout, stderr } of finished) {
      expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: 'Done: 5000 added, 0 changed, 0 the same.\n' });
    }
    expect(await total()).toBe(15_001);
    const same = await Promise.all(
      ['eu', 'us'].map((region) =>
        desk.run('accounts', 'import', desk.folder.write(`both-${region}.csv`, many(3000, region, 90_000))),
      ),
    );
    // Of two that contradict each other one is written whole, and the other not at all.
    expect(same.map(({ code }) => code).sort()).toEqual([0, 1]);
    const last = `,${await epoch()}`;
    const rows = (await desk.run('accounts', 'export')).stdout.split('\n').filter((line) => line.endsWith(last));
    expect(rows).toHaveLength(3000);
    expect(new Set(rows.map((row) => row.split(',')[1])).size).toBe(1);
    expect(await total()).toBe(18_001);
  });
});

async function epoch(): Promise<number> {
  const { mark } = (await desk.json('store', 'status')) as { mark: { epoch: number } };
  return mark.epoch;
}

describe('accounts verify', () => {
  it('compares a file line by line, and exits 1 when something is off', async () => {
    const file = desk.folder.write('accounts.csv', `${FILE}canary-c,ca,,\n`);
    await desk.run('accounts', 'add', 'canary-a@corp.example', '--region', 'eu');
    await desk.run('accounts', 'add', 'canary-b@corp.example', '--region', 'us', '--not-pinned');
    const off = await desk.run('accounts', 'verify', file);
    expect(off.code).toBe(1);
    expect(off.stderr).toBe(
      `${file}:2: "canary-a@corp.example": also is nothing; the file says us\n${file}:4: "canary-c" is missing; the file says ca\n`,
    );
    expect(off.stdout).toContain('3 accounts in the file: 1 the same, 1 missing, 1 differ, 0 being moved, 0 faults.');
    expect(await desk.json('accounts', 'verify', file)).toMatchObject({ sound: false, missing: 1, differ: 1 });
    await desk.run('accounts', 'import', file);
    expect(await desk.run('accounts', 'verify', file)).toMatchObject({ code: 0, stderr: '' });
  });

  it('finds accounts of regions that are not configured any more, and of an identity key that is gone', async () => {
    await desk.run('accounts', 'add', 'ann', '--region', 'ca');
    await desk.run('accounts', 'add', 'bob', '--region', 'eu', '--also', 'ca');
    expect(await desk.run('accounts', 'verify')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\nsound\n$/),
    });
    await desk.run('keys', 'rotate');
    const older = await desk.run('accounts', 'verify');
    expect(older.code).toBe(0);
    expect(older.stdout).toMatch(/^note {7}2 accounts still under the older identity key [0-9a-f]{8}/m);

    const yaml =
      'regions:\n  us: { upstreams: ["http://127.0.0.1:9"] }\n  eu: { upstreams: ["http://127.0.0.1:10"] }\n';
    desk.folder.write('gateway.yaml', `${yaml}store: sqlite:data/gateway.db\nidentityKey: data/id.key\n`);
    desk.folder.write('data/id.key', `${'cd'.repeat(32)}\n`);
    const off = await desk.run('accounts', 'verify');
    expect(off.code).toBe(1);
    expect(off.stdout).toMatch(/^off {8}1 account in ca, which is not configured/m);
    expect(off.stdout).toMatch(/^off {8}1 account with ca among the other regions, which is not configured/m);
    expect(off.stdout).toMatch(/^off {8}2 accounts hashed under the identity key [0-9a-f]{8}, which is not here/m);
    expect(off.stdout).toMatch(/not sound: see above\n$/);
    for (const args of [
      ['show', 'bob'],
      ['add', 'eve', '--region', 'us'],
    ]) {
      const foreign = await desk.run('accounts', ...args);
      expect(foreign.code).toBe(0);
      expect(foreign.stderr).toMatch(/^Attention: the directory has entries, but none/);
    }
    // Now one is, and it may be that the others are of a key that was dropped.
    expect((await desk.run('accounts', 'show', 'bob')).stderr).toBe('');
    expect((await desk.run('accounts', 'remove', 'eve')).code).toBe(0);
    expect(await desk.json('accounts', 'verify')).toMatchObject({ sound: false, accounts: 2 });
  });
});
