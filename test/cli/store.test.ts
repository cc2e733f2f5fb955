// `store init` and `store status`: on a file, and on a real server.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { needs } from '../support/needs.ts';
import { type Finished, runCli } from '../support/process.ts';
import { type Desk, KEY, openDeskFolder } from './accounts-support.ts';

// Each command is a process of its own: a busy machine takes seconds for some of them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

describe('of an embedded store', () => {
  let desk: Desk;
  beforeEach(async () => {
    desk = openDeskFolder();
    await desk.run('accounts', 'add', 'ann', '--region', 'eu');
  });
  afterEach(() => desk[Symbol.dispose]());

  it('init is not needed, and changes nothing', async () => {
    const before = await desk.json('store', 'status');
    const { code, stdout } = await desk.run('store', 'init');
    expect(code).toBe(0);
    expect(stdout).toContain('Not needed');
    expect(await desk.json('store', 'status')).toEqual(before);
  });

  it('status tells what it holds', async () => {
    expect(await desk.json('store', 'status')).toEqual({
      engine: 'sqlite',
      up: true,
      mark: { generation: expect.stringMatching(/^[0-9a-f]{32}$/), epoch: 2 },
      accounts: 1,
      moves: 0,
      gateways: [],
    });
    expect((await desk.run('store', 'status')).stdout).toMatch(
      /^engine {5}sqlite, up\nmark {7}generation [0-9a-f]{32}, epoch 2\n/,
    );
  });

  it('renew makes a new generation over the same accounts, and asks before', async () => {
    const { mark } = await desk.json('store', 'status');
    const asked = await desk.run('store', 'init', '--renew');
    expect(asked).toMatchObject({ code: 64, stdout: '' });
    expect(asked.stderr).toContain('To do so, add --yes.');
    expect((await desk.json('store', 'status')).mark).toEqual(mark);
    const { code, stdout } = await desk.run('store', 'init', '--renew', '--yes');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Renewed: generation [0-9a-f]{32}, over 1 accounts\.\n$/);
    expect((await desk.json('store', 'status')).mark).not.toMatchObject({
      generation: (mark as { generation: string }).generation,
    });
  });
});

const hasRedis = needs('redis-server', 'apt-get install redis-server');

describe.skipIf(!hasRedis)('of a distributed store', () => {
  let folder: Folder;
  let server: ChildProcess;
  let port: number;
  let config: string;
  beforeEach(async () => {
    folder = openFolder();
    port = await freePort();
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder.path,
    ];
    server = spawn('redis-server', args, { stdio: 'ignore' });
    await answering(port);
    config = folder.write(
      'gateway.yaml',
      `regions: { us: { upstreams: ["http://127.0.0.1:9"] } }\nstore: valkey://127.0.0.1:${port}\nidentityKey: id.key\n`,
    );
  });
  afterEach(async () => {
    await stop();
    folder[Symbol.dispose]();
  });

  async function stop(): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  const run = (args: string[], key: string | undefined = KEY): Promise<Finished> =>
    runCli([...args, '-c', config], { env: { GATEWAY_IDENTITY_KEY: key } });

  it('without its mark nothing is known, and nothing is written; init makes it once', async () => {
    expect(await run(['store', 'status'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('mark       none'),
    });
    const refused = await run(['accounts', 'add', 'ann', '--region', 'us']);
    expect(refused).toMatchObject({ code: 71, stdout: '' });
    expect(refused.stderr).toContain('If it is new, run: onetime-gateway store init');
    expect((await run(['store', 'init'])).stdout).toMatch(/^Made: generation [0-9a-f]{32}\./);
    expect((await run(['store', 'init'])).stdout).toContain('has its mark already');
    expect((await run(['accounts', 'add', 'ann', '--region', 'us'])).code).toBe(0);
    const { stdout } = await run(['store', 'status', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ engine: 'valkey', up: true, accounts: 1 });
  });

  it('that is away is told so, soon enough, and without its address', async () => {
    await stop();
    const { code, stderr, stdout } = await run(['store', 'status']);
    expect({ code, stdout }).toEqual({ code: 71, stdout: '' });
    expect(stderr).toContain('Waiting for the store, 5 s at most ...\n');
    expect(stderr).toContain('The store has not answered for 5 s (ECONNREFUSED)');
    expect(stderr).not.toContain(String(port));
    expect(JSON.parse((await run(['store', 'status', '--json'])).stdout)).toEqual({
      up: false,
      mark: null,
      problem: stderr.trim().split('\n').at(-1),
    });
  });

  it('is not written to under an identity key that was made for the occasion', async () => {
    const { code, stderr } = await run(['store', 'init'], '');
    expect(code).toBe(78);
    expect(stderr).toContain('GATEWAY_IDENTITY_KEY');
    const without = await runCli(['store', 'init', '-c', config], { env: { GATEWAY_IDENTITY_KEY: undefined } });
    expect(without.code).toBe(78);
    expect(without.stderr).toContain('Every gateway on this store has the same one');
  });
});

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function answering(at: number): Promise<void> {
  const endMs = performance.now() + 15_000;
  while (performance.now() < endMs) {
    const socket = connect(at, '127.0.0.1');
    const up = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (up) return;
    await new Promise((settle) => setTimeout(settle, 25));
  }
  throw new Error('redis-server does not answer');
}
