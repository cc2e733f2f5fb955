// Log lines that cannot be written: callers are served all the same, and the gateway ends when it is told to.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { takePort } from '../support/ports.ts';
import { ROOT } from '../support/process.ts';
import { until } from '../support/redis.ts';

const FULL = '/dev/full';

let folder: Folder;
let running: ChildProcess | undefined;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => {
  running?.kill('SIGKILL');
  running = undefined;
  folder[Symbol.dispose]();
});

async function freePort(): Promise<number> {
  const taken = await takePort();
  await taken[Symbol.asyncDispose]();
  return taken.port;
}

/** Its URL, once it is ready. */
async function serve(workers: number, stdout: 'pipe' | number): Promise<string> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const config = {
    listen: { host: '127.0.0.1', port },
    admin: { host: '127.0.0.1', port: adminPort },
    regions: { us: { upstreams: ['http://127.0.0.1:9'] } },
    store: `sqlite:${folder.path}/gateway.db`,
    identityKey: `${folder.path}/gateway.key`,
    workers,
  };
  const file = folder.write('gateway.yaml', JSON.stringify(config));
  const args = [`${ROOT}src/main.ts`, 'serve', '--config', file];
  running = spawn(process.execPath, args, { stdio: ['ignore', stdout, 'ignore'] });
  const isReady = () => call(`http://127.0.0.1:${adminPort}`, 'GET', '/readyz').then(({ status }) => status === 200);
  await until(() => isReady().catch(() => false));
  return `http://127.0.0.1:${port}`;
}

async function expectToServeAndEnd(url: string): Promise<void> {
  for (let turn = 0; turn < 40; turn++) expect((await call(url, 'GET', '/api/v1/status')).status).toBe(200);
  const exited = new Promise((settle) => running?.once('exit', (code, signal) => settle({ code, signal })));
  running?.kill('SIGTERM');
  expect(await exited).toEqual({ code: 0, signal: null });
}

describe.each([1, 2])('with workers: %i', (workers) => {
  it('nobody reads them any more', async () => {
    const url = await serve(workers, 'pipe');
    // The main thread writes next when it ends.
    await new Promise((settle) => running?.stdout?.once('data', settle));
    running?.stdout?.destroy();
    await expectToServeAndEnd(url);
  });

  it.runIf(existsSync(FULL))('the disk is full', async () => {
    const full = openSync(FULL, 'w');
    try {
      await expectToServeAndEnd(await serve(workers, full));
    } finally {
      closeSync(full);
    }
  });
});
