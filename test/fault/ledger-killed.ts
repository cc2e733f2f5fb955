// The gateway as a child process on a store of its own, killed and started again while calls are made.

import type { Folder } from '../support/folder.ts';
import { startCli } from '../support/process.ts';

export interface Killable extends AsyncDisposable {
  /** Base URLs of the one that runs, once it listens. */
  urls(): Promise<{ readonly url: string; readonly adminUrl: string }>;
  /** Kills it with SIGKILL and starts it again, on another port. */
  kill(): void;
  /** How often it was killed. */
  readonly kills: () => number;
}

/** @param config for the file; it holds its store and identity key in the folder */
export function openKillable(folder: Folder, config: Record<string, unknown>): Killable {
  const file = folder.write(
    'gateway.yaml',
    JSON.stringify({ ...config, store: 'sqlite:gateway.db', identityKey: 'identity.key', log: { level: 'info' } }),
  );
  const start = async () => {
    const running = await startCli(['serve', '--config', file], { env: { GATEWAY_IDENTITY_KEY: undefined } });
    const [, url = '', adminUrl = ''] = await running.line(/"url":"([^"]+)","admin":"([^"]+)"/);
    return { running, url, adminUrl };
  };
  let current = start();
  let kills = 0;
  return {
    urls: () => current,
    kill() {
      kills++;
      current = current.then(async ({ running }) => {
        running.kill('SIGKILL');
        await running.exited;
        return start();
      });
    },
    kills: () => kills,
    async [Symbol.asyncDispose]() {
      const { running } = await current;
      await running[Symbol.asyncDispose]();
    },
  };
}
