// --json: a result is one JSON document on standard output, and standard error is JSON, line by line.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { allOf, commandTree } from '../../src/cli/completion/tree.ts';
import { createProgram } from '../../src/cli/program.ts';
import { type Finished, runCli } from '../support/process.ts';
import { type Desk, openDeskFolder } from './accounts-support.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

let desk: Desk;
beforeEach(() => {
  desk = openDeskFolder();
});
afterEach(() => desk[Symbol.dispose]());

const leaves = allOf(commandTree(createProgram(() => async () => {}))).filter(({ commands }) => commands.length === 0);

/** Why these print no JSON. */
const WITHOUT: Readonly<Record<string, string>> = {
  serve: 'it writes a log, in JSON',
  'accounts export': 'its result is a file, and --format jsonl makes it JSON Lines',
  demo: 'it is for people',
  twin: 'it is for people',
  completion: 'its result is a script',
  'metrics-doc': 'its result is a page',
  'cli-doc': 'its result is a page',
};

it('is an option of every command that has a result', () => {
  const without = leaves.filter(({ options }) => !options.some(({ flags }) => flags.includes('--json')));
  expect(without.map(({ path }) => path)).toEqual(Object.keys(WITHOUT));
});

/** The lines of standard error, each of which has to be an object. */
function notesOf({ stderr }: Finished): Record<string, unknown>[] {
  return stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

async function json(...args: string[]): Promise<unknown> {
  const finished = await desk.run(...args, '--json');
  notesOf(finished);
  expect([args, finished.code]).toEqual([args, 0]);
  return JSON.parse(finished.stdout);
}

describe('a result', () => {
  it('of check', async () => {
    expect(await json('check')).toEqual({ file: desk.config, good: true, regions: ['us', 'eu', 'ca'] });
  });

  it('of accounts add, move and remove', async () => {
    const account = { region: 'eu', pinned: true, also: [], move: null };
    expect(await json('accounts', 'add', 'ann@corp.example', '--region', 'eu')).toMatchObject({
      result: 'added',
      account,
    });
    expect(await json('accounts', 'move', 'ann@corp.example', '--to', 'us', '--keep-old', '--no-wait')).toEqual({
      result: 'begun',
      region: 'eu',
    });
    expect(await json('accounts', 'move', 'ann@corp.example', '--abort')).toEqual({ result: 'aborted', region: 'eu' });
    expect(await json('accounts', 'move', 'ann@corp.example', '--to', 'us', '--keep-old')).toEqual({
      result: 'finished',
      region: 'us',
    });
    expect(await json('accounts', 'move', 'ann@corp.example', '--to', 'us')).toEqual({
      result: 'nothing_to_do',
      region: 'us',
    });
    expect(await json('accounts', 'remove', 'ann@corp.example')).toEqual({ result: 'removed', by: 'unknown' });
  });

  it('of a move whose phases are notes, so that the result is alone', async () => {
    await desk.run('accounts', 'add', 'ann@corp.example', '--region', 'eu');
    const finished = await desk.run('accounts', 'move', 'ann@corp.example', '--to', 'us', '--drop-old', '--json');
    expect(JSON.parse(finished.stdout)).toEqual({ result: 'finished', region: 'us' });
    expect(notesOf(finished).map(({ note }) => String(note).split(' ')[0])).toEqual(
      expect.arrayContaining(['frozen', 'cutover']),
    );
  });

  it('of store init', async () => {
    await desk.run('accounts', 'add', 'ann@corp.example', '--region', 'eu');
    expect(await json('store', 'init')).toEqual({ result: 'not_needed' });
    expect(await json('store', 'init', '--renew', '--yes')).toMatchObject({ result: 'renewed', accounts: 1 });
  });

  it('of keys rotate, which prints no key', async () => {
    await desk.run('accounts', 'add', 'ann@corp.example', '--region', 'eu');
    const result = await json('keys', 'rotate');
    expect(result).toEqual({
      file: `${desk.folder.path}/data/id.key`,
      kept_until: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      older: 1,
      dropped: 0,
      restart: true,
    });
    expect(JSON.stringify(result)).not.toMatch(/[0-9a-f]{64}/);
  });

  it('of admin token: the token, and the entry as the configuration takes it', async () => {
    const { stdout } = await runCli(['admin', 'token', '--name', 'deploy', '--role', 'write', '--json']);
    const { token, entry } = JSON.parse(stdout);
    expect(token).toMatch(/^otga_[\w-]{43}$/);
    expect(entry).toMatchObject({ name: 'deploy', role: 'write' });
    const file = desk.folder.write(
      'with-token.yaml',
      `regions: { us: { upstreams: ["http://127.0.0.1:9"] } }\nadmin: { tokens: [${JSON.stringify(entry)}] }\n`,
    );
    expect((await runCli(['check', '--json', '-c', file])).code).toBe(0);
  });

  it('of an import that writes nothing', async () => {
    const file = desk.folder.write('accounts.csv', 'name,region\nann@corp.example,mars\n');
    const finished = await desk.run('accounts', 'import', file, '--json');
    expect(finished.code).toBe(1);
    expect(JSON.parse(finished.stdout)).toMatchObject({ result: 'faults', fault_count: 1 });
    expect(notesOf(finished).every(({ note }) => typeof note === 'string')).toBe(true);
  });
});

describe('a failure', () => {
  it.each([
    ['of the command line', ['accounts', 'list', '--limit', '0'], 64, /Expected a whole number from 1/],
    ['of an option that there is not', ['check', '--file', 'x'], 64, /^unknown option '--file'/],
    ['of a command that there is not', ['chek'], 64, /^unknown command 'chek'/],
    ['of a missing argument', ['accounts', 'show'], 64, /^missing required argument 'name'/],
    ['that the command finds', ['accounts', 'add', 'ann@corp.example'], 64, /^Say where it lives: --region REGION\.$/],
    ['of what is not there', ['accounts', 'list'], 1, /^There is no store at /],
  ])('%s is one object on standard error', async (_, args, code, message) => {
    const finished = await desk.run(...args, '--json');
    expect([finished.code, finished.stdout]).toEqual([code, '']);
    const [{ error }, ...more] = notesOf(finished) as [{ error: unknown }];
    expect(more).toEqual([]);
    expect(error).toMatchObject({ message: expect.stringMatching(message), exit_code: code });
  });

  it('says that no command was given', async () => {
    const finished = await runCli(['--json']);
    expect(finished).toMatchObject({ code: 64, stdout: '' });
    expect(notesOf(finished)).toEqual([
      { error: { message: expect.any(String), exit_code: 64, hint: 'Try onetime-gateway --help.' } },
    ]);
  });

  it('of a configuration lists what is wrong, each with its place', async () => {
    const file = desk.folder.write(
      'broken.yaml',
      'regions: { us: { upstreams: ["http://127.0.0.1:9"] } }\nerrors: acurate\nfoo: 1\n',
    );
    const finished = await runCli(['check', '--json', '-c', file]);
    expect([finished.code, finished.stdout]).toEqual([78, '']);
    const [{ error }] = notesOf(finished) as [{ error: { problems: unknown; exit_code: number } }];
    expect(error.exit_code).toBe(78);
    expect(error.problems).toEqual([
      {
        file,
        line: 2,
        column: 1,
        key: 'errors',
        found: '"acurate"',
        expected: 'one of accurate, verbatim',
        hint: 'Did you mean "accurate"?',
      },
      expect.objectContaining({ line: 3, key: 'foo', found: 'an unknown key' }),
    ]);
  });

  it('is a sentence without --json, also where it stands behind --', async () => {
    const { stderr } = await desk.run('accounts', 'list');
    expect(stderr).toMatch(/^There is no store at /);
    const behind = await runCli(['accounts', 'show', '-c', desk.config, '--', '--json']);
    expect(behind.stderr).toMatch(/^There is no store at /);
  });
});
