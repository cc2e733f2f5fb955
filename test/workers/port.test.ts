// One port, several threads of one gateway, and no second gateway on it.
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimPort } from '../../src/workers/port.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { isFree, takePort } from '../support/ports.ts';
import { type Running, runCli, startCli } from '../support/process.ts';
import { linesOf } from './served.ts';

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

function configOf(name: string, port: number, workers: number, host = '127.0.0.1'): string {
  const config = {
    listen: { host, port },
    admin: { host: '127.0.0.1', port: 0 },
    regions: { us: { upstreams: ['http://127.0.0.1:9'] } },
    store: `sqlite:${folder.path}/${name}.db`,
    identityKey: `${folder.path}/${name}.key`,
    audit: { file: `${folder.path}/${name}.jsonl`, key: `${folder.path}/${name}.pem` },
    workers,
  };
  return folder.write(`${name}.yaml`, JSON.stringify(config));
}

const serve = (file: string, env: Record<string, string> = {}): Promise<Running> =>
  startCli(['serve', '--config', file], { env });

async function freePort(): Promise<number> {
  const taken = await takePort();
  await taken[Symbol.asyncDispose]();
  return taken.port;
}

const refusal = (port: number, file: string): string =>
  `Port ${port} is taken: something else listens on 127.0.0.1:${port}. Choose another under listen.port in ${file}.\n`;

describe('a second gateway on the port', () => {
  it.each([
    { first: 2, second: 2 },
    { first: 1, second: 2 },
    { first: 2, second: 1 },
  ])('of $second after one of $first is refused, and the first serves on', async ({ first, second }) => {
    const port = await freePort();
    await using one = await serve(configOf('one', port, first));
    await one.line(/"listening"/);
    const file = configOf('two', port, second);
    const { code, stderr } = await runCli(['serve', '--config', file]);
    expect({ code, stderr }).toEqual({ code: 71, stderr: refusal(port, file) });
    for (let turn = 0; turn < 20; turn++) {
      expect((await call(`http://127.0.0.1:${port}`, 'GET', '/api/v1/status')).status).toBe(200);
    }
  });

  it('that starts at the same moment: one of the two serves', async () => {
    const port = await freePort();
    const files = [configOf('one', port, 2), configOf('two', port, 2)];
    const both = await Promise.all(files.map((file) => serve(file)));
    await using one = both[0] as Running;
    await using two = both[1] as Running;
    const ended = await Promise.race([
      one.exited.then(({ code }) => ({ code, loser: one, winner: two, file: files[0] ?? '' })),
      two.exited.then(({ code }) => ({ code, loser: two, winner: one, file: files[1] ?? '' })),
    ]);
    expect({ code: ended.code, stderr: ended.loser.stderr() }).toEqual({ code: 71, stderr: refusal(port, ended.file) });
    await ended.winner.line(/"listening"/);
    ended.winner.kill('SIGTERM');
    expect((await ended.winner.exited).code).toBe(0);
  });

  it('by another address of the machine is refused, too', async () => {
    const port = await freePort();
    await using one = await serve(configOf('one', port, 2, '0.0.0.0'));
    await one.line(/"listening"/);
    const { code, stderr } = await runCli(['serve', '--config', configOf('two', port, 2)]);
    expect(code).toBe(71);
    expect(stderr).toContain(`Port ${port} is taken`);
  });
});

it('a killed gateway leaves the port to the next one', async () => {
  const port = await freePort();
  {
    await using killed = await serve(configOf('one', port, 2));
    await killed.line(/"listening"/);
    killed.kill('SIGKILL');
    await killed.exited;
  }
  await using next = await serve(configOf('one', port, 2));
  await next.line(/"listening"/);
});

it('a worker that cannot listen fails the start, in the same words', async () => {
  const port = await freePort();
  const file = configOf('one', port, 2);
  const preload = fileURLToPath(new URL('taken-late.preload.ts', import.meta.url));
  const { code, stdout, stderr } = await runCli(['serve', '--config', file], {
    env: { NODE_OPTIONS: `--import ${preload}` },
  });
  expect({ code, stderr }).toEqual({ code: 71, stderr: refusal(port, file) });
  expect(stdout).not.toContain('listening');
  expect(await isFree(port)).toBe(true);
});

it('a broken store fails the start in the same words, before a worker has begun to answer', async () => {
  const file = configOf('one', 0, 2);
  folder.write('one.db', 'no database at all, and long enough to be taken for none: '.repeat(20));
  const { code, stderr } = await runCli(['serve', '--config', file]);
  expect(code).toBe(71);
  expect(stderr).toContain(`The store ${folder.path}/one.db is damaged`);
});

describe('claimPort', () => {
  it('finds a port where 0 is asked for, and lets go of what it looked with', async () => {
    const claimed = await claimPort({ host: '127.0.0.1', port: 0 });
    if (claimed === 'alone') throw new Error('this platform has reusePort');
    expect(claimed.port).toBeGreaterThan(0);
    expect(await isFree(claimed.port)).toBe(true);
    claimed.started();
    await expect(claimPort(claimed)).rejects.toMatchObject({ code: 'EADDRINUSE', port: claimed.port });
    claimed.release();
    const again = await claimPort({ host: '127.0.0.1', port: claimed.port });
    expect(again).toMatchObject({ port: claimed.port });
    if (again !== 'alone') again.release();
  });

  it('says which address is none of this machine', async () => {
    const elsewhere = claimPort({ host: '192.0.2.1', port: 0 });
    await expect(elsewhere).rejects.toMatchObject({ code: 'EADDRNOTAVAIL', address: '192.0.2.1' });
  });

  it('refuses while a program that knows nothing of this listens', async () => {
    await using taken = await takePort();
    await expect(claimPort({ host: '127.0.0.1', port: taken.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      address: '127.0.0.1',
      port: taken.port,
    });
  });
});

describe('one thread does all', () => {
  const NO_REUSE = fileURLToPath(new URL('no-reuse.preload.ts', import.meta.url));

  it('where the platform has no reusePort, and says so', async () => {
    const file = configOf('one', 0, 3);
    await using running = await serve(file, { NODE_OPTIONS: `--import ${NO_REUSE}` });
    const [, url = '', adminUrl = ''] = await running.line(/"url":"([^"]+)","admin":"([^"]+)".*"listening"/);
    expect((await call(url, 'GET', '/api/v1/status')).status).toBe(200);
    expect((await call(adminUrl, 'GET', '/metrics')).body).toContain('\nonetime_gateway_workers 1\n');
    const said = linesOf(running).map(({ msg }) => msg);
    expect(said).toEqual(['on this platform one thread alone can listen on a port: no workers', 'listening']);
    expect(linesOf(running).at(-1)?.worker).toBeUndefined();
  });

  it('where the store is in memory, and says so', async () => {
    const text = { regions: { us: { upstreams: ['http://127.0.0.1:9'] } }, store: 'sqlite::memory:', workers: 2 };
    const places = { listen: { host: '127.0.0.1', port: 0 }, admin: { host: '127.0.0.1', port: 0 } };
    const identityKey = `${folder.path}/one.key`;
    await using running = await serve(folder.write('one.yaml', JSON.stringify({ ...text, ...places, identityKey })));
    await running.line(/"listening"/);
    expect(linesOf(running)[0]?.msg).toBe('a store in memory is one thread’s: no workers');
  });
});
