// Makes the hash of accounts as an import leaves it, page by page, beside the one that is in use.
import type { ValkeyClient } from './valkey-client.ts';
import { heldError, type Run } from './valkey-directory-run.ts';
import type { Judge, Judged, Row } from './valkey-judge.ts';
import { scanFields } from './valkey-list.ts';
import { directoryScripts as scripts } from './valkey-scripts.ts';
import type { Hold } from './valkey-stage.ts';

const PAGE_ROWS = 1000;
const TIMEOUT_MS = 15_000;
/** What a process that ends here leaves behind is gone by then. */
const NEXT_TTL_MS = 60_000;

export interface NextRooms {
  readonly client: ValkeyClient;
  readonly run: Run;
  readonly judge: Judge;
  readonly rows: ReadonlyMap<string, Row>;
  readonly accounts: string;
  readonly next: string;
  /** Nobody changes accounts meanwhile. */
  readonly hold: Hold;
}

/** @returns how many accounts are in it */
export async function buildNext(rooms: NextRooms): Promise<number> {
  const { client, run, judge, rows, next, hold } = rooms;
  const count = () => client.askPatiently((redis) => redis.hlen(next), TIMEOUT_MS);
  await copyAccounts(rooms);
  const [before] = (await run(scripts.count, [])).rest;
  // A walk that others' changes cut short would lose accounts.
  if ((await count()) !== Number(before)) throw heldError();
  const epoch = hold.epoch + 1;
  let page: Judged[] = [];
  const flush = async (): Promise<void> => {
    const full = page;
    page = [];
    if (full.length > 0) await writePage(rooms, full, epoch);
    await hold.keep();
  };
  await judge(rows, (judged) => void page.push(judged), flush);
  return count();
}

async function copyAccounts({ client, accounts, next, hold }: NextRooms): Promise<void> {
  let cursor = '0';
  do {
    cursor = await client.askPatiently(async (redis) => {
      const step = await scanFields(redis, accounts, cursor, PAGE_ROWS);
      if (step.fields.length > 0) await redis.hset(next, ...step.fields.flatMap(({ hash, entry }) => [hash, entry]));
      await redis.pexpire(next, NEXT_TTL_MS);
      return step.cursor;
    }, TIMEOUT_MS);
    await hold.keep();
  } while (cursor !== '0');
}

async function writePage({ client, next }: NextRooms, page: readonly Judged[], epoch: number): Promise<void> {
  const older = page.flatMap((judged) => judged.older);
  const fields = page.flatMap(({ hash, row }) => [hash, `${epoch}\t${row.facts}`]);
  await client.askPatiently(async (redis) => {
    if (older.length > 0) await redis.hdel(next, ...older);
    await redis.hset(next, ...fields);
    await redis.pexpire(next, NEXT_TTL_MS);
  }, TIMEOUT_MS);
}
