// Gateways that watch the directory of the embedded engine: their leases, and what they are told.
import type { DatabaseSync } from 'node:sqlite';
import {
  type Followed,
  type GatewayLease,
  type Lease,
  type Mark,
  MarkMissingError,
  MarkRegressedError,
  type News,
} from './directory-store.ts';
import type { Accounts } from './sqlite-accounts.ts';
import { awayError } from './sqlite-errors.ts';
import type { Marks } from './sqlite-mark.ts';
import type { Transactions } from './sqlite-transaction.ts';
import { StoreAwayError } from './store.ts';

export interface Leases {
  follow(lease: Lease | undefined, since: Mark | undefined): Promise<Followed>;
  leave(gateway: string): Promise<void>;
  /** Unexpired. Throws what SQLite throws. */
  all(): GatewayLease[];
  /** In the transaction of whoever calls. */
  removeExpired(): void;
  /** In the transaction of whoever calls: nobody has seen anything of the generation that begins. */
  forgetSeen(): void;
}

/** A lease is stored for a tenth longer, so that not each of a gateway's four questions a second has to write. */
const STORED_LONGER = 1.1;

/** @param checkFile throws when the file is no longer the one that is open */
export function createLeases(
  db: DatabaseSync,
  now: () => number,
  rooms: { marks: Marks; accounts: Accounts; transactions: Transactions; checkFile: () => void },
): Leases {
  const { marks, accounts, transactions, checkFile } = rooms;
  const get = db.prepare('SELECT seen, label, expires_at_ms FROM leases WHERE gateway = ?');
  const put = db.prepare('INSERT OR REPLACE INTO leases (gateway, label, seen, expires_at_ms) VALUES (?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM leases WHERE gateway = ?');
  const removeExpired = db.prepare('DELETE FROM leases WHERE expires_at_ms <= ?');
  const unexpired = db.prepare(
    'SELECT gateway, label, seen, expires_at_ms FROM leases WHERE expires_at_ms > ? ORDER BY gateway',
  );
  const counted = db.prepare('SELECT count(*) AS count FROM leases');
  const forget = db.prepare('UPDATE leases SET seen = 0');
  const drained = db.prepare('SELECT region FROM drained ORDER BY region');

  function isKept(lease: Lease, seen: number): boolean {
    const row = get.get(lease.gateway);
    return row?.seen === seen && row.label === lease.label && Number(row.expires_at_ms) >= now() + lease.leaseMs;
  }

  /** Whether data were lost since `since`, and how. */
  function lossOf(mark: Mark | undefined, since: Mark | undefined): Error | undefined {
    if (mark === undefined) return new MarkMissingError();
    if (mark.generation !== since?.generation) return undefined;
    return since.epoch > mark.epoch ? new MarkRegressedError() : undefined;
  }

  function newsOf(mark: Mark, since: Mark | undefined): News {
    const known = since?.generation === mark.generation ? since : undefined;
    return {
      mark,
      changes: (known && marks.after(known.epoch, mark)) ?? 'gap',
      drained: drained.all().map(({ region }) => String(region)),
      gateways: Number(counted.get()?.count),
      moving: accounts.moving(),
    };
  }

  function told(since: Mark | undefined): Followed {
    const mark = marks.get();
    const cause = lossOf(mark, since);
    if (cause !== undefined || mark === undefined) return { kind: 'lost', cause };
    return { kind: 'found', value: newsOf(mark, since) };
  }

  /** What was seen of another generation says nothing of this one. */
  const seenOf = (lease: Lease, mark: Mark, since: Mark | undefined): number =>
    since?.generation === mark.generation ? lease.seen : 0;

  /** What has to be written for this lease, if anything. */
  function due(lease: Lease | undefined, since: Mark | undefined): { lease: Lease; seen: number } | undefined {
    const mark = marks.get();
    if (lease === undefined || mark === undefined || lossOf(mark, since) !== undefined) return undefined;
    const seen = seenOf(lease, mark, since);
    return isKept(lease, seen) ? undefined : { lease, seen };
  }

  function renewed(lease: Lease | undefined, since: Mark | undefined): Followed {
    const write = due(lease, since);
    if (write !== undefined) {
      const { gateway, label, leaseMs } = write.lease;
      put.run(gateway, label, write.seen, Math.ceil(now() + leaseMs * STORED_LONGER));
    }
    return told(since);
  }

  return {
    async follow(lease, since) {
      try {
        checkFile();
        // Without a lock, where nothing has to be written.
        const answer = transactions.read(() => (due(lease, since) === undefined ? told(since) : undefined));
        // An answer that comes when the lease is over is of no use.
        return answer ?? (await transactions.renew(() => renewed(lease, since), lease?.leaseMs ?? 0));
      } catch (error) {
        const cause = awayError(error);
        const lost = cause instanceof StoreAwayError && cause.code === 'STORE_FILE_REPLACED';
        return { kind: lost ? 'lost' : 'unavailable', cause };
      }
    },
    async leave(gateway) {
      // Where it cannot be given back, it expires.
      await transactions.renew(() => remove.run(gateway), LEAVE_TIMEOUT_MS).catch(() => undefined);
    },
    all() {
      const nowMs = now();
      return unexpired.all(nowMs).map((row) => ({
        gateway: String(row.gateway),
        label: String(row.label),
        seen: Number(row.seen),
        leftMs: Number(row.expires_at_ms) - nowMs,
      }));
    },
    removeExpired: () => void removeExpired.run(now()),
    forgetSeen: () => void forget.run(),
  };
}

const LEAVE_TIMEOUT_MS = 1000;
