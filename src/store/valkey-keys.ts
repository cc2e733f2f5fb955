// The key index in the distributed engine: one short entry a key, which the engine forgets by itself in time.
//
// An entry: 6 bytes expiry in Unix milliseconds, 1 byte kind, 1 byte length of the owner, the owner, the region's name.
import type { Found, KeyedHash, Patience } from '../domain.ts';
import { MarkMissingError } from './directory-store.ts';
import { StoreAwayError, type StoredKey } from './store.ts';
import type { ValkeyClient } from './valkey-client.ts';
import { bucketMark, bucketOf, type Generation } from './valkey-generation.ts';
import { createScript } from './valkey-script.ts';

/**
 * KEYS: for each row its bucket's mark and its entry. ARGV: generation, now, for each row the entry and its life in
 * milliseconds. Answers 0, with nothing written, where a mark is another.
 *
 * Where a key is held, and whose it is, does not change: a region that answers with another's key plants nothing, and
 * cuts no life short.
 */
const PUT = `
for i = 1, #KEYS, 2 do
  if redis.call('GET', KEYS[i]) ~= ARGV[1] then return 0 end
end
local now = tonumber(ARGV[2])
local function expiry(entry)
  local a, b, c, d, e, f = string.byte(entry, 1, 6)
  return ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f
end
for i = 2, #KEYS, 2 do
  local entry, life = ARGV[i + 1], ARGV[i + 2]
  local old = redis.call('GET', KEYS[i])
  if not old or expiry(old) <= now
    or (string.sub(old, 8) == string.sub(entry, 8) and expiry(old) < expiry(entry)) then
    redis.call('SET', KEYS[i], entry, 'PX', life)
  end
end
return 1
`;

const MISSING = { kind: 'missing' } as const;
const KINDS = ['secret', 'metadata'] as const;
const HEAD_BYTES = 8;
/** Rows of one script: more would hold up the engine, and the script's arguments are bounded. */
const ROWS_EACH = 500;
/** Rows that could not be put in time are put again this often: what they would store is true all the same. */
const LATE_EVERY_MS = 1000;
/** About 300 bytes each. Of more only the gateway that made them knows. */
const MOST_LATE = 10_000;

export interface ValkeyKeys {
  findKey(hash: KeyedHash, patience?: Patience): Promise<Found<StoredKey>>;
  putKeys(rows: readonly StoredKey[], patience?: Patience): Promise<void>;
  /** Tries once more to put what could not be put in time. Never rejects. */
  close(): Promise<void>;
}

export function createValkeyKeys(
  client: ValkeyClient,
  generation: Generation,
  options: { readonly now: () => number; readonly storeTimeoutMs: number },
): ValkeyKeys {
  const { now, storeTimeoutMs } = options;
  const put = createScript(PUT);
  const entryOf = (bucket: string, hash: KeyedHash): Buffer => Buffer.concat([Buffer.from(`${bucket}k:`), hash]);

  /**
   * Runs `attempt` with the generation that is known; where a mark is another, once more with a newer one.
   * @param attempt undefined: a mark is another
   */
  async function guarded<T>(patience: Patience, attempt: (generation: string) => Promise<T | undefined>): Promise<T> {
    const known = generation.known() ?? (await generation.learn(patience));
    const first = known === undefined ? undefined : await attempt(known);
    if (first !== undefined) return first;
    const newer = await generation.learn(patience);
    const second = newer === undefined || newer === known ? undefined : await attempt(newer);
    if (second === undefined) throw new MarkMissingError();
    return second;
  }

  async function find(hash: KeyedHash, patience: Patience): Promise<Found<StoredKey>> {
    const bucket = bucketOf(client.prefix, hash);
    const mark = bucketMark(bucket);
    const entry = entryOf(bucket, hash);
    return guarded(patience, async (expected) => {
      // Of one moment: an entry is missing only where its bucket's mark is not.
      const [found, bytes] = await client.ask((redis) => redis.mgetBuffer(mark, entry), patience);
      if (found?.toString('latin1') !== expected) return undefined;
      const key = bytes ? decode(hash, bytes) : undefined;
      return key === undefined || key.expiresAtMs <= now() ? MISSING : { kind: 'found', value: key };
    });
  }

  async function write(rows: readonly StoredKey[], patience: Patience): Promise<void> {
    await guarded(patience, async (expected) => {
      const keys: (string | Buffer)[] = [];
      const args: (string | Buffer | number)[] = [expected, now()];
      for (const row of rows) {
        const bucket = bucketOf(client.prefix, row.hash);
        keys.push(bucketMark(bucket), entryOf(bucket, row.hash));
        args.push(encode(row), Math.ceil(row.expiresAtMs - now()));
      }
      const written = await client.ask((redis) => put(redis, keys, args), patience);
      return written === 1 ? true : undefined;
    });
  }

  const late = new Map<string, StoredKey>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  /** Rejects with the first failure, when none is under way any more. What a store that is away did not take is put later. */
  async function putAll(rows: readonly StoredKey[], patience: Patience): Promise<void> {
    const alive = rows.filter(({ expiresAtMs }) => expiresAtMs > now());
    const groups = client.cluster ? byBucket(alive) : chunks(alive);
    const done = await Promise.allSettled(groups.map((group) => write(group, patience)));
    const isAway = (one: PromiseSettledResult<void>) =>
      one.status === 'rejected' && one.reason instanceof StoreAwayError;
    const failed = done.flatMap((one, at) => (isAway(one) ? (groups[at] ?? []) : []));
    if (failed.length > 0) keepForLater(failed);
    for (const one of done) if (one.status === 'rejected') throw one.reason;
  }

  function keepForLater(rows: readonly StoredKey[]): void {
    for (const row of rows) if (late.size < MOST_LATE) late.set(row.hash.toString('latin1'), row);
    if (!closed) timer ??= setTimeout(() => void putLate(), LATE_EVERY_MS).unref();
  }

  async function putLate(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const rows = [...late.values()];
    late.clear();
    if (!client.isUp()) keepForLater(rows);
    else await putAll(rows, { leftMs: storeTimeoutMs }).catch(() => undefined);
  }

  return {
    async findKey(hash, patience = { leftMs: storeTimeoutMs }) {
      try {
        return await find(hash, patience);
      } catch (cause) {
        return { kind: 'unavailable', cause };
      }
    },
    async putKeys(rows, patience = { leftMs: storeTimeoutMs }) {
      await putAll(rows, patience);
    },
    async close() {
      closed = true;
      if (late.size > 0) await putLate();
    },
  };
}

/** In a cluster a script's keys lie in one slot. */
function byBucket(rows: readonly StoredKey[]): (readonly StoredKey[])[] {
  return [...Map.groupBy(rows, ({ hash }) => hash[0]).values()].flatMap(chunks);
}

function chunks(rows: readonly StoredKey[]): (readonly StoredKey[])[] {
  const lists: (readonly StoredKey[])[] = [];
  for (let from = 0; from < rows.length; from += ROWS_EACH) lists.push(rows.slice(from, from + ROWS_EACH));
  return lists;
}

function encode({ region, kind, owner, expiresAtMs }: StoredKey): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(expiresAtMs, 0, 6);
  head.writeUInt8(KINDS.indexOf(kind), 6);
  head.writeUInt8(owner?.length ?? 0, 7);
  return Buffer.concat([head, owner ?? Buffer.alloc(0), Buffer.from(region)]);
}

function decode(hash: KeyedHash, entry: Buffer): StoredKey {
  if (entry.length <= HEAD_BYTES) throw new TypeError('the entry of a key cannot be read');
  const kind = KINDS[entry.readUInt8(6)];
  const ownerEnd = HEAD_BYTES + entry.readUInt8(7);
  if (kind === undefined || ownerEnd >= entry.length) throw new TypeError('the entry of a key cannot be read');
  const owner = ownerEnd === HEAD_BYTES ? undefined : (Buffer.from(entry.subarray(HEAD_BYTES, ownerEnd)) as KeyedHash);
  return { hash, region: entry.toString('utf8', ownerEnd), kind, owner, expiresAtMs: entry.readUIntBE(0, 6) };
}
