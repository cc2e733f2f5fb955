// The watchdog of systemd under the faults that it is there for: it hears nothing of a gateway that hangs, in whichever thread,
// and hears again of one that goes on.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { needs } from '../support/needs.ts';
import { type NotifySocket, openNotifySocket } from '../support/notify-socket.ts';
import { type Running, startCli } from '../support/process.ts';
import { until } from '../support/redis.ts';

const PRELOAD = fileURLToPath(new URL('watchdog.preload.ts', import.meta.url));
const HAS_PARTS =
  needs('systemd-notify', 'apt-get install systemd') && needs('python3', 'apt-get install python3-minimal');
/** A beat each 100 ms. */
const WATCHDOG_USEC = '300000';
const SEVERAL_BEATS_MS = 600;

describe.runIf(HAS_PARTS)('the watchdog', () => {
  let folder: Folder;
  let socket: NotifySocket;
  let gateway: Running;
  let url: string;
  let admin: string;
  beforeEach(async () => {
    folder = openFolder();
    socket = await openNotifySocket(`${folder.path}/notify`);
    const file = folder.write(
      'gateway.yaml',
      `listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
regions: { us: { upstreams: ["http://127.0.0.1:9"] } }
workers: 2
`,
    );
    gateway = await startCli(['serve', '--config', file], {
      env: {
        NOTIFY_SOCKET: socket.address,
        WATCHDOG_USEC,
        WATCHDOG_PID: undefined,
        NODE_OPTIONS: `--import ${PRELOAD}`,
        HANG_FOLDER: folder.path,
      },
    });
    [, url = '', admin = ''] = await gateway.line(/"url":"([^"]+)","admin":"([^"]+)"/);
    await socket.heard(/WATCHDOG=1/);
  });
  afterEach(async () => {
    await gateway[Symbol.asyncDispose]();
    await socket[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const beats = (): number => socket.messages().filter(([first]) => first === 'WATCHDOG=1').length;

  /** Asks again and again, for as long as several beats take. @returns how many of them came meanwhile */
  async function beatsWhile(ask: () => Promise<unknown>): Promise<number> {
    const before = beats();
    const endMs = performance.now() + SEVERAL_BEATS_MS;
    while (performance.now() < endMs) await ask();
    return beats() - before;
  }

  it('hears nothing while the main thread hangs, though workers answer, and hears again', async () => {
    folder.write('main', '');
    // Admin calls are the main thread's: the first that is not answered tells that it hangs.
    const late = call(admin, 'GET', '/livez');
    const reference = async (): Promise<void> => {
      expect((await call(url, 'GET', '/openapi.json')).status).toBe(200);
    };
    await beatsWhile(reference);
    expect(await beatsWhile(reference)).toBe(0);

    rmSync(`${folder.path}/main`);
    expect((await late).status).toBe(200);
    const before = beats();
    await until(async () => beats() > before + 1);
  });

  it('hears nothing while all workers hang, though the main thread answers, and hears again', async () => {
    expect(await beatsWhile(() => call(admin, 'GET', '/readyz'))).toBeGreaterThan(1);
    folder.write('workers', '');
    // After some 15 s without an answer of theirs; none is ended, since none is better than the others.
    await until(async () => (await call(admin, 'GET', '/readyz')).status === 503, 40_000);
    await gateway.line(/nobody answers callers: the watchdog of systemd is not told any more/);
    await beatsWhile(() => call(admin, 'GET', '/livez'));
    expect(await beatsWhile(() => call(admin, 'GET', '/livez'))).toBe(0);

    rmSync(`${folder.path}/workers`);
    const before = beats();
    await until(async () => beats() > before + 1);
    expect((await call(admin, 'GET', '/readyz')).status).toBe(200);
  }, 60_000);
});
