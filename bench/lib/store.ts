// Where the gateway of a measurement keeps what it knows: a file, or a server beside load and upstream.

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Setting } from '../peers/contestant.ts';
import { gatewayFile, MAIN } from '../peers/gateway.ts';
import { launch, launchOn } from './child.ts';
import { isInstalled } from './machine.ts';

export interface OpenedStore extends AsyncDisposable {
  /** As the configuration names it. */
  readonly url: string;
}

/** Valkey where it is installed, else Redis; undefined where neither is. */
export function serverProgram(): string | undefined {
  return ['valkey-server', 'redis-server'].find(isInstalled);
}

async function openServer(program: string, folder: string, core: number | undefined): Promise<OpenedStore> {
  const kept = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec', '--dir', folder];
  const listening = await launchOn(1, ([port = 0]) =>
    launch(program, ['--bind', '127.0.0.1', '--port', `${port}`, ...kept], { name: 'store', folder, core }),
  );
  const url = `valkey://127.0.0.1:${listening.ports[0]}`;
  return { url, [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose]() };
}

/** @param core of the server, where it is one */
export async function openStore(kind: 'sqlite' | 'valkey', folder: string, core?: number): Promise<OpenedStore> {
  if (kind === 'sqlite') return { url: `sqlite:${join(folder, 'gateway.db')}`, [Symbol.asyncDispose]: async () => {} };
  const program = serverProgram();
  if (program === undefined) throw new Error('--store valkey needs a server: apt-get install redis-server');
  return openServer(program, folder, core);
}

/** A shared store is made ready once (`store init`), before the first gateway starts, under the identity key of all. */
export function initialise(setting: Setting): void {
  const file = join(setting.folder, 'init.yaml');
  writeFileSync(file, gatewayFile(setting));
  writeFileSync(join(setting.folder, 'identity.key'), `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'store', 'init', '--config', file], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`store init ended with ${status}: ${stderr}`);
}
