// A real engine on a port of its own, in memory, that can be stalled, killed and emptied; and clients of it.
import { Redis } from 'ioredis';
import { createValkeyClient, type ValkeyClient } from '../../src/store/valkey-client.ts';
import { openFolder } from '../support/folder.ts';
import { needs } from '../support/needs.ts';
import { takePort } from '../support/ports.ts';
import { type Running, start } from '../support/process.ts';

export const HAS_ENGINE = needs('redis-server', 'apt-get install redis-server');
export const PREFIX = 'otgw:';
export const GENERATION = '00112233445566778899aabbccddeeff';

export interface Engine extends AsyncDisposable {
  readonly raw: Redis;
  /** @param onNews hears what any client publishes */
  client(storeTimeoutMs?: number, onNews?: (message: string) => void): Promise<ValkeyClient>;
  /** Writes the mark of every bucket. */
  mark(generation?: string): Promise<void>;
  /** Neither answers nor hangs up. */
  stall(): void;
  resume(): void;
  /** Every key and every value, as one text of one-byte characters. */
  dump(): Promise<string>;
}

async function launch(folder: string): Promise<{ running: Running; port: number }> {
  for (let attempt = 0; ; attempt++) {
    const taken = await takePort();
    await taken[Symbol.asyncDispose]();
    const { port } = taken;
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
    const running = await start('redis-server', args);
    try {
      await running.line(/Ready to accept connections/);
      return { running, port };
    } catch (error) {
      // Somebody took the port in between.
      if (attempt === 4) throw error;
    }
  }
}

export async function startEngine(): Promise<Engine> {
  const folder = openFolder();
  const { running, port } = await launch(folder.path);
  const raw = new Redis({ host: '127.0.0.1', port });
  const clients: ValkeyClient[] = [];

  return {
    raw,
    async client(storeTimeoutMs = 5_000, onNews) {
      const place = { kind: 'valkey', mode: 'single', nodes: [{ host: '127.0.0.1', port }] } as const;
      const client = createValkeyClient(
        { ...place, db: 0, tls: false, prefix: PREFIX },
        { storeTimeoutMs, ...(onNews && { onNews }) },
      );
      clients.push(client);
      await until(async () => client.isUp());
      return client;
    },
    async mark(generation = GENERATION) {
      const marks = raw.pipeline();
      for (let bucket = 0; bucket < 256; bucket++) {
        marks.set(`${PREFIX}{b${bucket.toString(16).padStart(2, '0')}}mark`, generation);
      }
      await marks.exec();
    },
    stall: () => running.kill('SIGSTOP'),
    resume: () => running.kill('SIGCONT'),
    async dump() {
      let text = '';
      for (const key of await raw.keys('*')) text += `${key}\n${(await raw.getBuffer(key))?.toString('latin1')}\n`;
      return text;
    },
    async [Symbol.asyncDispose]() {
      running.kill('SIGCONT');
      raw.disconnect();
      await Promise.all(clients.map((client) => client.close()));
      await running[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** Polls until it holds. */
export async function until(holds: () => Promise<boolean>, withinMs = 15_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${holds}`);
    await new Promise((settle) => setTimeout(settle, 5));
  }
}
