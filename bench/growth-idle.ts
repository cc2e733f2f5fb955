// What connections cost on which nothing happens: opened, used once, and kept.
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openFolder } from '../test/support/folder.ts';
import type { Cores } from './lib/machine.ts';
import { rssBytes, treeOf } from './lib/proc.ts';
import { startUpstreams } from './lib/upstream.ts';
import { gateway } from './peers/gateway.ts';

export interface IdleMeasured {
  readonly connections: number;
  readonly rssBeforeBytes: number;
  readonly rssAfterBytes: number;
  readonly bytesEach: number;
}

const AT_A_TIME = 100;
/** What the gateway does on its own for the first connections stays out of the difference. */
const FIRST = 200;
const SETTLE_MS = 1000;
const WITHIN_MS = 30_000;

/** Resolves when an answer has come; the connection stays. */
function openOne(port: number): Promise<Socket> {
  return new Promise((settle, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setTimeout(WITHIN_MS, () => socket.destroy(new Error('a connection was not served')));
    socket.on('error', reject);
    socket.on('connect', () => socket.write('GET /api/v1/nowhere HTTP/1.1\r\nHost: gateway\r\n\r\n'));
    socket.once('data', () => {
      socket.setTimeout(0);
      socket.removeListener('error', reject);
      socket.on('error', () => {});
      settle(socket);
    });
  });
}

async function openMany(port: number, count: number, into: Socket[]): Promise<void> {
  for (let from = 0; from < count; from += AT_A_TIME) {
    const some = Math.min(AT_A_TIME, count - from);
    into.push(...(await Promise.all(Array.from({ length: some }, () => openOne(port)))));
  }
}

/** @throws where the gateway has closed some meanwhile: then they were not idle connections that were measured */
export async function measureIdle(count: number, cores: Cores | undefined): Promise<IdleMeasured> {
  using folder = openFolder();
  await using upstreams = await startUpstreams(folder.path, cores?.load);
  const store = `sqlite:${join(folder.path, 'gateway.db')}`;
  const setting = { folder: folder.path, core: cores?.measured, upstreams, refusing: false, store };
  await using running = await gateway.start(setting);
  const [port = 0] = running.ports;
  const sockets: Socket[] = [];
  try {
    await openMany(port, FIRST, sockets);
    await delay(SETTLE_MS);
    const rssBeforeBytes = rssBytes(treeOf(running.pid));
    await openMany(port, count, sockets);
    await delay(SETTLE_MS);
    const rssAfterBytes = rssBytes(treeOf(running.pid));
    const open = sockets.filter(({ destroyed, readable }) => !destroyed && readable).length;
    if (open !== sockets.length) throw new Error(`of ${sockets.length} connections ${open} were kept`);
    return { connections: count, rssBeforeBytes, rssAfterBytes, bytesEach: (rssAfterBytes - rssBeforeBytes) / count };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}
