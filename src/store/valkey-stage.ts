// Imports into the distributed engine. Rows wait in this process, so nothing of an import that ends early is left.
//
// Judging and writing take as long as there are rows, and must not hold up the engine so long. So an import first holds
// the directory: for some seconds nobody else changes accounts, all else goes on. It judges its rows page by page, and
// ends with one short script: a small import writes its rows in it; a large one has made a second hash page by page,
// which takes the first one's place.
import { randomBytes } from 'node:crypto';
import type { AccountRow, Stage } from './directory-store.ts';
import { asPart, encodeFacts } from './valkey-accounts.ts';
import type { ValkeyClient } from './valkey-client.ts';
import { type DirectoryKeys, heldError, type Run } from './valkey-directory-run.ts';
import { createJudge, type Judged, type Row } from './valkey-judge.ts';
import { directoryScripts as scripts } from './valkey-scripts.ts';
import { buildNext } from './valkey-swap.ts';

/** Up to here rows are written in the last script itself: some milliseconds. */
const DIRECT_ROWS = 1000;
const HOLD_MS = 5_000;
const RELEASE_TIMEOUT_MS = 1000;

export function openValkeyStage(client: ValkeyClient, keys: DirectoryKeys, run: Run): Stage {
  const rows = new Map<string, Row>();
  const judge = createJudge(client, keys.accounts);

  async function write(actor: string, overwrite: boolean, hold: Hold) {
    const writes: Judged[] = [];
    const summary = await judge(
      rows,
      (judged) => void (writes.length <= DIRECT_ROWS && writes.push(judged)),
      hold.keep,
    );
    const { added, changed, regionChanged, moving } = summary;
    if (moving > 0 || (regionChanged > 0 && !overwrite)) return { written: false, summary };
    if (added + changed === 0) return { written: true, summary };
    const detail = `${added} added, ${changed} changed`;
    const common = [hold.token, hold.epoch, asPart(actor), detail];
    const isSmall =
      writes.length <= DIRECT_ROWS && writes.reduce((sum, { older }) => sum + older.length, 0) <= DIRECT_ROWS;
    const answer = isSmall
      ? await run(scripts.apply, [...common, ...applyArguments(writes)], { heldIsAnswer: true })
      : await swap(hold, common);
    // Held no longer: it took too long, and others may have changed what was judged.
    if (answer.kind === 'held') throw heldError();
    return { written: true, summary };
  }

  async function swap(hold: Hold, common: readonly (string | number)[]) {
    const { next, old } = keys.staged(hold.token);
    try {
      const count = await buildNext({ client, run, judge, rows, accounts: keys.accounts, next, hold });
      // Beside the accounts there are `g` and `e`, which the script writes.
      return await run(scripts.swap, [...common, count], { moreKeys: [next, old], heldIsAnswer: true });
    } finally {
      await client.askPatiently((redis) => redis.unlink(next), RELEASE_TIMEOUT_MS).catch(() => undefined);
    }
  }

  return {
    async add(more) {
      for (const row of more) rows.set(row.hash.toString('latin1'), stagedRow(row));
    },
    compare: () =>
      judge(
        rows,
        () => undefined,
        async () => undefined,
      ),
    async commit(actor, overwrite) {
      const hold = await takeHold(run);
      try {
        return await write(actor, overwrite, hold);
      } finally {
        await run(scripts.release, [hold.token], { timeoutMs: RELEASE_TIMEOUT_MS }).catch(() => undefined);
      }
    },
    async discard() {
      rows.clear();
    },
  };
}

export interface Hold {
  readonly token: string;
  /** Of the directory: it stays as long as the hold. */
  readonly epoch: number;
  /** Makes it last: to be called every second or so. Rejects when it is lost. */
  keep(): Promise<void>;
}

async function takeHold(run: Run): Promise<Hold> {
  const token = randomBytes(9).toString('base64url');
  let renewedMs = performance.now();
  const { rest } = await run(scripts.hold, [token, HOLD_MS]);
  return {
    token,
    epoch: Number(rest[1]),
    async keep() {
      if (performance.now() - renewedMs < HOLD_MS / 10) return;
      renewedMs = performance.now();
      const { kind } = await run(scripts.hold, [token, HOLD_MS], { heldIsAnswer: true });
      if (kind === 'held') throw heldError();
    },
  };
}

function stagedRow(row: AccountRow): Row {
  return { facts: encodeFacts(row), region: row.region, replaces: row.replaces, line: row.line ?? 0 };
}

function applyArguments(writes: readonly Judged[]): (string | number | Buffer)[] {
  const older = writes.flatMap((judged) => judged.older);
  return [older.length, ...older, ...writes.flatMap(({ hash, row }) => [hash, row.facts])];
}
