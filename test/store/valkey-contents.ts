// Everything that one node of Valkey or Redis holds, names and values, as latin1 text.
import { Redis } from 'ioredis';

const READS: Readonly<Record<string, (key: Buffer) => readonly [string, ...(string | Buffer)[]]>> = {
  string: (key) => ['GET', key],
  hash: (key) => ['HGETALL', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  set: (key) => ['SMEMBERS', key],
  zset: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
  stream: (key) => ['XRANGE', key, '-', '+'],
};

export async function contentsOf(port: number): Promise<string> {
  const redis = new Redis({ host: '127.0.0.1', port });
  try {
    const parts: Buffer[] = [];
    for (const key of await redis.keysBuffer('*')) {
      const type = await redis.type(key);
      const read = READS[type];
      if (read === undefined) throw new Error(`not known how to read a ${type}`);
      const [command, ...args] = read(key);
      parts.push(key, ...flat(await redis.callBuffer(command, ...args)));
    }
    return parts.map((part) => part.toString('latin1')).join('\n');
  } finally {
    redis.disconnect();
  }
}

function flat(answer: unknown): Buffer[] {
  if (Array.isArray(answer)) return answer.flatMap(flat);
  return [Buffer.isBuffer(answer) ? answer : Buffer.from(String(answer))];
}
