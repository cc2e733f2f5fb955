// Calls with Idempotency-Key, for all gateways: who is sending one now, and the sealed answers of those that were sent.
//
// A name's entry is one string. `C` owner (16 bytes) check (16 bytes) until: claimed, and its claim stands until then, in
// milliseconds of the engine's clock. `R` record: settled.
//
// Every script first compares the mark of the entry's bucket, in the same slot: in an engine that was emptied nothing is
// there, and that must not read as "never sent".
import type { Found } from '../domain.ts';
import { MarkMissingError } from './directory-store.ts';
import type { SharedRecord, SharedReplays } from './store.ts';
import type { ValkeyClient } from './valkey-client.ts';
import { createScript, type Script } from './valkey-script.ts';

/** Where the parts of a claim are, for Lua: from 1, both ends included. */
const HEAD = `
local function clockMs()
  local clock = redis.call('TIME')
  return clock[1] * 1000 + math.floor(clock[2] / 1000)
end
local function claim(owner, check, claimMs, keepMs)
  redis.call('SET', KEYS[1], 'C' .. owner .. check .. string.format('%.0f', clockMs() + claimMs), 'PX', keepMs)
end
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return { 'lost' } end
local entry = redis.call('GET', KEYS[1])
local isClaim = entry and string.sub(entry, 1, 1) == 'C'
local owner = isClaim and string.sub(entry, 2, 17)
local check = isClaim and string.sub(entry, 18, 33)
`;

/** ARGV: mark, check, owner, claimMs, keepMs. An asker that finds its own claim asked before and did not hear the answer. */
const BEGIN = `${HEAD}
if not entry or owner == ARGV[3] then
  claim(ARGV[3], ARGV[2], tonumber(ARGV[4]), ARGV[5])
  return { 'claimed' }
end
if not isClaim then return { 'record', string.sub(entry, 2) } end
return { clockMs() < tonumber(string.sub(entry, 34)) and 'under_way' or 'lapsed', check }
`;

/** ARGV: mark, owner, claimMs, keepMs. A claim that has lapsed stands again: its owner is alive after all. */
const EXTEND = `${HEAD}
if owner ~= ARGV[2] then return { 'no' } end
claim(ARGV[2], check, tonumber(ARGV[3]), ARGV[4])
return { 'yes' }
`;

/**
 * ARGV: mark, owner, keepMs, and the record with its `R` where there is one. It is also put where the claim has gone: that
 * the call was sent must be known, however long it took.
 */
const SETTLE = `${HEAD}
if owner ~= ARGV[2] and (entry or not ARGV[4]) then return { 'no' } end
if ARGV[4] then redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[3]) else redis.call('DEL', KEYS[1]) end
return { 'yes' }
`;

/** Of what no request waits for: a record may be long. */
const SETTLE_TIMEOUT_MS = 2_000;
const RECORD = Buffer.from('R');
const UNREADABLE = 'the engine’s answer about a replay cannot be read';

/**
 * Makes the room's side in the engine. State: none here.
 * @param generation of the directory's mark as this gateway knows it (directory-store.ts); undefined: not known yet
 */
export function createValkeyReplays(client: ValkeyClient, generation: () => string | undefined): SharedReplays {
  const [begin, extend, settle] = [createScript(BEGIN), createScript(EXTEND), createScript(SETTLE)];

  /** Entry and mark, in the bucket of the name's first byte. */
  function keysOf(name: Buffer): string[] {
    const tag = `${client.prefix}{b${name.toString('hex', 0, 1)}}`;
    return [`${tag}r:${name.toString('base64url')}`, `${tag}mark`];
  }

  async function run<T>(
    script: Script,
    name: Buffer,
    args: readonly (Buffer | number)[],
    ask: (question: Parameters<typeof client.ask<unknown>>[0]) => Promise<unknown>,
    read: (word: string, bytes: Buffer | undefined) => T | undefined,
  ): Promise<Found<T>> {
    const mark = generation();
    if (mark === undefined) return { kind: 'unavailable', cause: new MarkMissingError() };
    try {
      const answer = await ask((redis) => script(redis, keysOf(name), [mark, ...args]));
      const [word, bytes] = Array.isArray(answer) ? answer : [];
      if (String(word) === 'lost') return { kind: 'unavailable', cause: new MarkMissingError() };
      const value = read(String(word), Buffer.isBuffer(bytes) ? bytes : undefined);
      return value === undefined ? { kind: 'unavailable', cause: new TypeError(UNREADABLE) } : { kind: 'found', value };
    } catch (cause) {
      return { kind: 'unavailable', cause };
    }
  }

  return {
    begin: (name, check, owner, claimMs, keepMs, patience) =>
      run(begin, name, [check, owner, claimMs, keepMs], (question) => client.ask(question, patience), readRecord),
    extend: (name, owner, claimMs, keepMs) =>
      run(extend, name, [owner, claimMs, keepMs], (question) => client.ask(question), readYes),
    settle: (name, owner, record, keepMs) =>
      run(
        settle,
        name,
        record === undefined ? [owner, keepMs] : [owner, keepMs, Buffer.concat([RECORD, record])],
        (question) => client.askPatiently(question, SETTLE_TIMEOUT_MS),
        readYes,
      ),
  };
}

function readYes(word: string): boolean | undefined {
  return word === 'yes' ? true : word === 'no' ? false : undefined;
}

function readRecord(word: string, bytes: Buffer | undefined): SharedRecord | undefined {
  if (word === 'claimed') return { kind: 'claimed' };
  if (bytes === undefined) return undefined;
  if (word === 'record') return { kind: 'record', record: bytes };
  return word === 'under_way' || word === 'lapsed' ? { kind: word, check: bytes } : undefined;
}
