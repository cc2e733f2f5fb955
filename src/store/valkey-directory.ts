// The account directory in the distributed engine. Whatever changes something is one script (valkey-scripts.ts).
import { randomBytes } from 'node:crypto';
import type { KeyedHash, Patience } from '../domain.ts';
import {
  type AccountAnswer,
  type AccountRow,
  type DirectoryStore,
  type Followed,
  type GatewayLease,
  type Lease,
  type Mark,
  MarkMissingError,
  MarkRegressedError,
  type PutResult,
  type Since,
} from './directory-store.ts';
import { asPart, decodeAccount, decodeChange, decodeLease, encodeFacts, hashOf } from './valkey-accounts.ts';
import type { ValkeyClient } from './valkey-client.ts';
import { type Answer, buffersOf, createRun, type DirectoryKeys, heldError, type Run } from './valkey-directory-run.ts';
import { type Generation, writeBucketMarks } from './valkey-generation.ts';
import { checkCursor, listAccounts } from './valkey-list.ts';
import { createMoves } from './valkey-moves.ts';
import { directoryScripts as scripts } from './valkey-scripts.ts';
import { openValkeyStage } from './valkey-stage.ts';

/** A gateway that waits longer than this for news has lost its lease meanwhile. */
const FOLLOW_TIMEOUT_MS = 1000;
const OPERATOR_TIMEOUT_MS = 15_000;

export function createValkeyDirectory(
  client: ValkeyClient,
  keys: DirectoryKeys,
  generation: Generation,
): DirectoryStore {
  const run = createRun(client, keys);
  const patiently = { timeoutMs: OPERATOR_TIMEOUT_MS };

  async function readMark(): Promise<Mark | undefined> {
    const fields = await client.askPatiently((redis) => redis.hmget(keys.accounts, 'g', 'e'), OPERATOR_TIMEOUT_MS);
    const mark = markOf(fields[0], fields[1]);
    if (mark !== undefined) generation.saw(mark.generation);
    return mark;
  }

  /** @throws MarkMissingError where there is no directory to be looked at */
  async function required(): Promise<Mark> {
    const mark = await readMark();
    if (mark === undefined) throw new MarkMissingError();
    return mark;
  }

  return {
    findAccount: (hash, patience) => findAccount(client, keys.accounts, generation, hash, patience),
    follow: (lease, since) => follow(run, generation, lease, since),
    async leave(gateway) {
      const [, , leases = ''] = keys.all;
      // Where it cannot be given back, it expires.
      await client.ask((redis) => redis.hdel(leases, gateway)).catch(() => undefined);
    },
    gateways: async () => leasesOf((await run(scripts.gateways, [], patiently)).rest[0]),
    init: (how, actor) => init(client, run, generation, how, asPart(actor)),
    mark: readMark,
    async put(row, overwrite, actor) {
      const { kind } = await run(scripts.put, [overwrite ? 1 : 0, asPart(actor), ...argumentsOf(row)]);
      return kind as PutResult;
    },
    async remove(hashes, actor) {
      const { kind } = await run(scripts.remove, [asPart(actor), ...hashes]);
      return kind as 'removed' | 'missing' | 'moving';
    },
    async list(after, limit) {
      checkCursor(after);
      await required();
      return client.askPatiently((redis) => listAccounts(redis, keys.accounts, after, limit), OPERATOR_TIMEOUT_MS);
    },
    count: async () => Number((await run(scripts.count, [], patiently)).rest[0]),
    async stage() {
      await required();
      return openValkeyStage(client, keys, run);
    },
    ...createMoves(run),
    async setDrained(region, drained, actor) {
      return (await run(scripts.drain, [asPart(actor), region, drained ? 1 : 0])).kind === 'yes';
    },
    async changes(before, limit) {
      const { rest } = await run(scripts.changes, [before ?? '', limit]);
      return limit > 0 ? buffersOf(rest[0]).map(decodeChange) : [];
    },
  };
}

/** Answer and mark in one command, so of one moment: where the accounts are lost, the mark is. */
async function findAccount(
  client: ValkeyClient,
  accounts: string,
  generation: Generation,
  hash: KeyedHash,
  patience: Patience,
): Promise<AccountAnswer> {
  try {
    const [g, e, entry] = await client.ask((redis) => redis.hmgetBuffer(accounts, 'g', 'e', hash), patience);
    const mark = markOf(g, e);
    if (mark === undefined) return { kind: 'unavailable', cause: new MarkMissingError() };
    generation.saw(mark.generation);
    return entry ? { kind: 'found', value: decodeAccount(hash, entry), mark } : { kind: 'missing', mark };
  } catch (cause) {
    return { kind: 'unavailable', cause };
  }
}

async function follow(
  run: Run,
  generation: Generation,
  lease: Lease | undefined,
  since: Since | undefined,
): Promise<Followed> {
  try {
    const args = lease === undefined ? ['', '', 0, 0] : [lease.gateway, asPart(lease.label), lease.seen, lease.leaseMs];
    const seen = [since?.generation ?? '', since?.epoch ?? '', since?.last ?? ''];
    const answer = await run(scripts.follow, [...args, ...seen], {
      patience: { leftMs: Math.min(FOLLOW_TIMEOUT_MS, lease?.leaseMs ?? FOLLOW_TIMEOUT_MS) },
    });
    if (answer.kind === 'regressed') return { kind: 'lost', cause: new MarkRegressedError() };
    // The first time there was none.
    return newsOf(answer, generation, lease !== undefined && since !== undefined);
  } catch (cause) {
    return { kind: cause instanceof MarkMissingError ? 'lost' : 'unavailable', cause };
  }
}

function newsOf({ rest }: Answer, generation: Generation, wasLeased: boolean): Followed {
  const [g, e, changes, drained, moving, gateways, stood, last] = rest;
  const mark = markOf(g, e);
  if (mark === undefined) throw new TypeError('the directory’s news cannot be read');
  generation.saw(mark.generation);
  const entries = buffersOf(moving);
  return {
    kind: 'found',
    value: {
      mark,
      ...(Buffer.isBuffer(last) ? { last } : {}),
      changes: Array.isArray(changes) ? buffersOf(changes).map(decodeChange).reverse() : 'gap',
      drained: buffersOf(drained).map(String).sort(),
      gateways: Number(gateways),
      ...(wasLeased && Number(stood) === 0 ? { lapsed: true } : {}),
      moving: entries.flatMap((hash, at) => {
        const entry = entries[at + 1];
        return at % 2 === 1 || entry === undefined ? [] : [decodeAccount(hashOf(hash), entry)];
      }),
    },
  };
}

/**
 * First the marks of all buckets, then the directory's: an `init` that ended in between is done again, and those that
 * run at once write the same.
 */
async function init(
  client: ValkeyClient,
  run: Run,
  generation: Generation,
  how: 'new' | 'renew',
  actor: string,
): Promise<'made' | 'renewed' | 'exists'> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const prepared = await run(scripts.prepare, [how, randomBytes(16).toString('hex')]);
    if (prepared.kind === 'exists') return 'exists';
    const next = String(prepared.rest[0]);
    await client.askPatiently((redis) => writeBucketMarks(redis, client.prefix, next), OPERATOR_TIMEOUT_MS);
    const { kind } = await run(scripts.init, [how, next, actor], { heldIsAnswer: true });
    // Somebody else's came in between, with another generation.
    if (kind === 'held') continue;
    generation.saw(next);
    return kind as 'made' | 'renewed' | 'exists';
  }
  throw heldError();
}

function argumentsOf({ hash, replaces, ...facts }: AccountRow): (string | Buffer)[] {
  return [hash, encodeFacts(facts), ...replaces];
}

function leasesOf(value: unknown): readonly GatewayLease[] {
  const leases = Array.isArray(value) ? value.map((lease) => decodeLease(buffersOf(lease))) : [];
  return leases.sort((one, other) => (one.gateway < other.gateway ? -1 : 1));
}

function markOf(generation: unknown, epoch: unknown): Mark | undefined {
  if (generation === null || generation === undefined) return undefined;
  return { generation: String(generation), epoch: Number(epoch) };
}
