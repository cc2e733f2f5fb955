// What systemd hears of `serve`: in its own form, over a real datagram socket, by the program that comes with systemd.
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NotifyOptions, supervise, watchdogMs } from '../../src/cli/notify.ts';
import type { ReloadReport } from '../../src/listener/admin-live-types.ts';
import { limited } from '../fault/limited.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { type HeldRegion, openHeldRegion } from '../support/held-region.ts';
import { call } from '../support/http.ts';
import { needs } from '../support/needs.ts';
import { type NotifySocket, openNotifySocket } from '../support/notify-socket.ts';
import { type Running, start, startCli } from '../support/process.ts';

const HAS_PARTS =
  needs('systemd-notify', 'apt-get install systemd') && needs('python3', 'apt-get install python3-minimal');
const SECRET = 'c4'.repeat(32);

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

function configFile(upstream = 'http://127.0.0.1:9', more = ''): string {
  return folder.write(
    'gateway.yaml',
    `listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
regions: { us: { upstreams: ["${upstream}"] } }
reload: { watch: false }
${more}`,
  );
}

async function serveFor(address: string, env: Readonly<Record<string, string | undefined>> = {}, file = configFile()) {
  const process = await startCli(['serve', '--config', file], {
    env: { WATCHDOG_USEC: undefined, WATCHDOG_PID: undefined, ...env, NOTIFY_SOCKET: address },
  });
  const [, url = '', admin = ''] = await process.line(/"url":"([^"]+)","admin":"([^"]+)"/);
  return { process, url, admin };
}

/** A program in the place of systemd-notify that writes down what it is given of the environment. */
function stub(): void {
  chmodSync(folder.write('systemd-notify', `#!/bin/sh\n/usr/bin/env > "${folder.path}/seen"\n`), 0o755);
}

const firstsOf = (socket: NotifySocket): (string | undefined)[] => socket.messages().map(([first]) => first);

describe.runIf(HAS_PARTS)('serve under systemd', () => {
  let region: HeldRegion;
  beforeEach(async () => {
    region = await openHeldRegion();
  });
  afterEach(() => region[Symbol.asyncDispose]());

  it.each(['path', 'abstract'] as const)(
    'says READY when callers are answered, STOPPING when it drains, by a %s socket',
    async (kind) => {
      const address = kind === 'path' ? `${folder.path}/notify` : `@onetime-gateway-test-${process.pid}`;
      await using socket = await openNotifySocket(address);
      const { process: gateway, url } = await serveFor(socket.address, {}, configFile(region.url));
      await using _gateway: Running = gateway;
      await socket.heard(/"READY=1"/);
      const reply = call(url, 'POST', '/us/api/v1/share', { body: 'secret=in+flight' });
      await region.first;

      gateway.kill('SIGTERM');
      // While a call is under way: systemd has to know before the end.
      await socket.heard(/"STOPPING=1"/);
      region.release();
      expect((await reply).status).toBe(200);
      expect(await gateway.exited).toEqual({ code: 0, signal: null });
      expect(firstsOf(socket)).toEqual(['READY=1', 'STOPPING=1']);
    },
  );

  it('says RELOADING with the time of it, and READY when the new configuration is in force or refused', async () => {
    await using socket = await openNotifySocket(`${folder.path}/notify`);
    const { process: gateway } = await serveFor(socket.address);
    await using _gateway: Running = gateway;
    await socket.heard(/"READY=1"/);

    const before = process.hrtime.bigint() / 1000n;
    configFile(undefined, 'errors: verbatim\n');
    gateway.kill('SIGHUP');
    const [, usec = ''] = await socket.heard(/"RELOADING=1", "MONOTONIC_USEC=(\d+)"\]\n(?:.*\n)*?\["READY=1"/);
    // The clock that systemd measures by, which is one for all processes.
    expect(BigInt(usec)).toBeGreaterThanOrEqual(before);
    expect(BigInt(usec)).toBeLessThanOrEqual(process.hrtime.bigint() / 1000n);

    configFile(undefined, 'nonsense: 1\n');
    gateway.kill('SIGHUP');
    await socket.heard(/"READY=1", "STATUS=The last reload was refused: the log says why."/);
    expect(firstsOf(socket)).toEqual(['READY=1', 'RELOADING=1', 'READY=1', 'RELOADING=1', 'READY=1']);
  });

  it('feeds the watchdog, with workers and without', async () => {
    for (const workers of [1, 2]) {
      await using socket = await openNotifySocket(`${folder.path}/notify-${workers}`);
      const file = configFile(undefined, `workers: ${workers}\n`);
      const { process: gateway } = await serveFor(socket.address, { WATCHDOG_USEC: '150000' }, file);
      await using _gateway: Running = gateway;
      await socket.heard(/(\["WATCHDOG=1"\]\n(?:.*\n)*?){3}/);
      expect(firstsOf(socket)[0]).toBe('READY=1');
    }
  });

  it.each([
    ['a socket that is away', 'away'],
    ['no address at all', 'x'],
  ])('goes on with %s, and logs it once', async (_what, name) => {
    const address = name === 'away' ? `${folder.path}/away` : name;
    const { process: gateway, admin } = await serveFor(address, { WATCHDOG_USEC: '30000' });
    await using _gateway: Running = gateway;
    await gateway.line(/systemd cannot be told how the gateway is/);
    expect((await call(admin, 'GET', '/readyz')).status).toBe(200);
    gateway.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    expect(gateway.output().match(/systemd cannot be told/g)).toHaveLength(1);
  });

  it('goes on without systemd-notify, and says what is missing', async () => {
    const { process: gateway, admin } = await serveFor(`${folder.path}/notify`, { PATH: folder.path });
    await using _gateway: Running = gateway;
    await gateway.line(/systemd-notify ended with 127.*is systemd-notify on PATH/);
    expect((await call(admin, 'GET', '/readyz')).status).toBe(200);
  });

  it('is heard again after the shell that starts the program was killed', async () => {
    await using socket = await openNotifySocket(`${folder.path}/notify`);
    const { process: gateway } = await serveFor(socket.address, { WATCHDOG_USEC: '90000' });
    await using _gateway: Running = gateway;
    await socket.heard(/WATCHDOG=1/);
    const [shell = ''] = readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, 'utf8').split(' ');
    process.kill(Number(shell), 'SIGKILL');
    const before = socket.messages().length;
    await socket.heard(new RegExp(`(\\["WATCHDOG=1"\\]\n(?:.*\n)*?){${before + 2}}`));
    gateway.kill('SIGTERM');
    await socket.heard(/STOPPING=1/);
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  });

  it('ends no gateway that has no descriptor left for it, and is heard again when there are some', async () => {
    await using socket = await openNotifySocket(`${folder.path}/notify`);
    const child = fileURLToPath(new URL('notify.child.ts', import.meta.url));
    await using gateway = await start(process.execPath, [child], {
      env: { NOTIFY_SOCKET: socket.address },
      through: limited(64),
    });
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    expect(gateway.stdout()).toBe('{"warned":1}\n');
    expect(firstsOf(socket)).toEqual(['STOPPING=1']);
  });

  it('gives the program nothing of the environment but what it needs', async () => {
    await using socket = await openNotifySocket(`${folder.path}/notify`);
    stub();
    const { process: gateway } = await serveFor(socket.address, { PATH: folder.path, GATEWAY_IDENTITY_KEY: SECRET });
    await using _gateway: Running = gateway;
    gateway.kill('SIGTERM');
    await gateway.exited;
    const seen = readFileSync(`${folder.path}/seen`, 'utf8');
    expect(seen).toContain(`NOTIFY_SOCKET=${socket.address}`);
    expect(seen).not.toContain(SECRET);
  });
});

describe('serve without NOTIFY_SOCKET', () => {
  it('loads nothing for systemd, and starts no process', async () => {
    stub();
    const gateway = await startCli(['serve', '--config', configFile()], {
      env: { NOTIFY_SOCKET: undefined, WATCHDOG_USEC: '30000', PATH: folder.path, NODE_DEBUG: 'esm' },
    });
    await using _gateway: Running = gateway;
    await gateway.line(/"msg":"listening"/);
    gateway.kill('SIGTERM');
    await gateway.exited;
    expect(existsSync(`${folder.path}/seen`)).toBe(false);
    expect(gateway.output()).toContain('src/cli/serve.ts');
    expect(gateway.output()).not.toContain('src/cli/notify.ts');
  });
});

describe.runIf(HAS_PARTS)('the watchdog', () => {
  const report = (result: ReloadReport['result']): ReloadReport => ({
    at: '',
    actor: 'signal',
    result,
    changed: [],
    needsRestart: [],
    problems: [],
  });

  function optionsFor(address: string, said: string[]): NotifyOptions {
    const note = (...words: unknown[]): void => void said.push(String(words.at(-1)));
    const env = { PATH: process.env.PATH, NOTIFY_SOCKET: address, WATCHDOG_USEC: '60000' };
    return { env, pid: process.pid, now: process.hrtime.bigint, log: { info: note, warn: note } };
  }

  it('is not told while nobody answers callers, and is told again when somebody does', async () => {
    await using socket = await openNotifySocket(`${folder.path}/notify`);
    const said: string[] = [];
    let asked = 0;
    let onAsked = (): void => {};
    let ready = false;
    const isReady = (): boolean => {
      asked++;
      onAsked();
      return ready;
    };
    const supervised = supervise({ isReady, reload: undefined }, optionsFor(socket.address, said));
    await new Promise<void>((settle) => {
      onAsked = () => asked === 5 && settle();
    });
    await socket.heard(/READY=1/);
    expect(firstsOf(socket)).toEqual(['READY=1']);
    expect(said).toEqual(['nobody answers callers: the watchdog of systemd is not told any more']);
    ready = true;
    await socket.heard(/WATCHDOG=1/);
    supervised.stopping();
    await supervised.end();
    expect(firstsOf(socket).at(-1)).toBe('STOPPING=1');
  });

  it('does not say READY after STOPPING, whenever a reload ends', async () => {
    await using socket = await openNotifySocket(`${folder.path}/notify`);
    const ending = Promise.withResolvers<ReloadReport>();
    const gateway = { isReady: () => true, reload: () => ending.promise };
    const supervised = supervise(gateway, optionsFor(socket.address, []));
    const under = supervised.reload?.('signal');
    supervised.stopping();
    ending.resolve(report('applied'));
    await under;
    await supervised.reload?.('signal');
    await supervised.end();
    expect(firstsOf(socket).filter((line) => line !== 'WATCHDOG=1')).toEqual(['READY=1', 'RELOADING=1', 'STOPPING=1']);
  });
});

describe('WATCHDOG_USEC', () => {
  it.each([
    [{ WATCHDOG_USEC: '30000000' }, 10_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 10_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, undefined],
    [{}, undefined],
    [{ WATCHDOG_USEC: '' }, undefined],
    [{ WATCHDOG_USEC: '0' }, undefined],
    [{ WATCHDOG_USEC: '-3' }, undefined],
    [{ WATCHDOG_USEC: '1e9' }, undefined],
    [{ WATCHDOG_USEC: '999999999999999' }, 2 ** 31 - 1],
  ])('%j of process 7 is a beat each %s ms', (env, expected) => {
    expect(watchdogMs(env, 7)).toBe(expected);
  });
});
