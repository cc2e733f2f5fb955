// `accounts move` and `moves`: a person decides what a machine cannot, and whoever began a move need not end it.
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite.ts';
import { type Desk, openDeskFolder } from './accounts-support.ts';

// Each command is a process of its own: a busy machine takes seconds for some of them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

let desk: Desk;
beforeEach(async () => {
  desk = openDeskFolder();
  await desk.run('accounts', 'add', 'ann', '--region', 'eu');
});
afterEach(() => desk[Symbol.dispose]());

const move = (...args: string[]) => desk.run('accounts', 'move', 'ann', ...args);
const entry = async () => (await desk.json('accounts', 'show', 'ann')).entry;

/** A gateway that watches the directory and has seen nothing since. */
async function watching(work: (store: SqliteStore) => Promise<void>): Promise<void> {
  const store = openSqliteStore(desk.database, { now: Date.now });
  try {
    await store.directory.follow({ gateway: 'g1', label: 'host-a:8080', seen: 1, leaseMs: 300_000 }, undefined);
    await work(store);
  } finally {
    await store.close();
  }
}

describe('accounts move', () => {
  it('shows its phases and takes its steps itself where no gateway runs', async () => {
    const { code, stdout, stderr } = await move('--to', 'us', '--keep-old');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      'frozen    creates are refused (503, Retry-After); everything else still goes to eu\n' +
        'cutover   it lives in us; creates are refused until every gateway knows\n' +
        'finished  it lives in us\n',
    );
    expect(await entry()).toMatchObject({ region: 'us', also: ['eu'], move: null });
    expect(await move('--to', 'us')).toMatchObject({ code: 0, stdout: 'It lives in us already: nothing to do.\n' });
  });

  it('of a pinned account needs to be told what becomes of the old region, and changes nothing before', async () => {
    const { code, stdout, stderr } = await move('--to', 'us');
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain('Secrets that it made before stay in eu');
    expect(stderr).toContain('--keep-old or --drop-old');
    expect(await entry()).toMatchObject({ region: 'eu', move: null });
    expect((await move('--to', 'us', '--keep-old', '--drop-old')).code).toBe(64);
    expect((await move('--to', 'us', '--drop-old')).code).toBe(0);
    expect(await entry()).toMatchObject({ region: 'us', also: [] });
  });

  it('of an account that is not pinned does not ask', async () => {
    await desk.run('accounts', 'add', 'ann', '--region', 'eu', '--not-pinned');
    expect((await move('--to', 'us')).code).toBe(0);
    expect(await entry()).toMatchObject({ region: 'us', also: ['eu'] });
  });

  it('waits for a gateway by name, is left by Ctrl-C, joined again, and aborted', async () => {
    await watching(async (store) => {
      await using running = await desk.start('accounts', 'move', 'ann', '--to', 'us', '--keep-old');
      await running.line(/waits for host-a:8080 \(lease ends in \d+ s\)/);
      running.kill('SIGINT');
      expect(await running.exited).toMatchObject({ code: 1 });
      expect(running.stderr()).toContain('Interrupted: the move is not finished, and running gateways go on with it.');
      expect(running.stdout()).not.toContain('cutover');
      const listed = await desk.run('accounts', 'moves');
      expect(listed.stdout).toMatch(/^[0-9a-f]{32} {2}eu -> us, frozen, keeps eu, since .*; waits for host-a:8080/);
      expect((await desk.run('accounts', 'verify')).stdout).toMatch(
        /^move {7}[0-9a-f]{32} eu -> us.*waits for host-a/m,
      );
      const other = await move('--to', 'ca', '--keep-old');
      expect(other).toMatchObject({ code: 1 });
      expect(other.stderr).toContain('A move from eu to us (frozen) of this account is under way');

      const timedOut = await move('--to', 'us', '--timeout', '1s');
      expect(timedOut.code).toBe(1);
      expect(timedOut.stderr).toMatch(/^This move is under way already: going on with it\.\n[\s\S]*Timed out: /);
      expect(await move('--abort')).toMatchObject({ code: 0 });
      expect(await entry()).toMatchObject({ region: 'eu', move: null });
      await store.directory.leave('g1');
    });
  });

  it('goes on when the gateway has seen it, and ends when others take the steps', async () => {
    await watching(async (store) => {
      await using running = await desk.start('accounts', 'move', 'ann', '--to', 'us', '--keep-old');
      await running.line(/waits for host-a:8080/);
      const [account] = (await store.directory.list(undefined, 1)).accounts;
      if (account === undefined) throw new Error('nobody');
      // As a gateway does: it sees each step, and takes the next one where the command was not quicker.
      let ended = false;
      void running.exited.then(() => {
        ended = true;
      });
      while (!ended) {
        const mark = await store.directory.mark();
        const lease = { gateway: 'g1', label: 'host-a:8080', seen: mark?.epoch ?? 0, leaseMs: 300_000 };
        await store.directory.follow(lease, mark);
        await store.directory.advanceMove(account.hash, 'gateway:g1');
        await pause(20);
      }
      expect(await running.exited).toMatchObject({ code: 0 });
      expect(running.stdout()).toMatch(/finished {2}it lives in us\n$/);
    });
    expect(await entry()).toMatchObject({ region: 'us', move: null });
  });

  it('is left to the gateways with --no-wait', async () => {
    const { code, stdout, stderr } = await move('--to', 'us', '--drop-old', '--no-wait');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^frozen /);
    expect(stderr).toContain('No gateway is running: the move goes on when one starts');
    expect(await desk.json('accounts', 'moves')).toMatchObject({ moves: [{ move: { to: 'us', keep_old: false } }] });
    expect((await desk.run('accounts', 'remove', 'ann')).stderr).toContain('the account is being moved');
    expect((await desk.run('accounts', 'add', 'ann', '--region', 'eu')).stderr).toContain(
      'is being moved (eu -> us, frozen',
    );
  });

  it('cannot be aborted after cutover', async () => {
    await move('--to', 'us', '--drop-old', '--no-wait');
    const store = openSqliteStore(desk.database, { now: Date.now });
    const [account] = (await store.directory.list(undefined, 1)).accounts;
    if (account !== undefined) await store.directory.advanceMove(account.hash, 'gateway:g1');
    await store.close();
    const { code, stderr } = await move('--abort');
    expect(code).toBe(1);
    expect(stderr).toContain('Too late: after cutover');
    // And whoever asks for it again ends it.
    expect(await move('--to', 'us')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^cutover .*\nfinished /),
    });
  });
});
