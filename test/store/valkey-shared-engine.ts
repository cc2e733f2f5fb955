// A real engine that can be stalled and emptied, and clients of it.
import { Redis } from 'ioredis';
import { createValkeyClient, type ValkeyClient } from '../../src/store/valkey-client.ts';
import { HAS_REDIS, startRedis, until } from '../support/redis.ts';

export { until } from '../support/redis.ts';

export const HAS_ENGINE = HAS_REDIS;
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

export async function startEngine(): Promise<Engine> {
  const server = await startRedis();
  const raw = new Redis({ host: '127.0.0.1', port: server.port });
  const clients: ValkeyClient[] = [];

  return {
    raw,
    async client(storeTimeoutMs = 5_000, onNews) {
      const client = createValkeyClient(server.config({ prefix: PREFIX }), {
        storeTimeoutMs,
        ...(onNews && { onNews }),
      });
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
    stall: server.stall,
    resume: server.resume,
    async dump() {
      let text = '';
      for (const key of await raw.keys('*')) text += `${key}\n${(await raw.getBuffer(key))?.toString('latin1')}\n`;
      return text;
    },
    async [Symbol.asyncDispose]() {
      server.resume();
      raw.disconnect();
      await Promise.all(clients.map((client) => client.close()));
      await server[Symbol.asyncDispose]();
    },
  };
}
