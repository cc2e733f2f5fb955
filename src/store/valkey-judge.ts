// What an import would change: its rows against the accounts of the distributed engine, page by page.
import type { KeyedHash } from '../domain.ts';
import type { ImportSummary } from './directory-store.ts';
import { factsOf } from './valkey-accounts.ts';
import type { ValkeyClient } from './valkey-client.ts';

/** A row that waits, under the bytes of its hash as Latin-1. */
export interface Row {
  /** As `encodeFacts` writes them. */
  readonly facts: string;
  readonly region: string;
  readonly replaces: readonly KeyedHash[];
  readonly line: number;
}

/** A row that is to be written. */
export interface Judged {
  readonly hash: Buffer;
  readonly row: Row;
  /** Entries of the same name under older identity keys, which it replaces. */
  readonly older: readonly KeyedHash[];
}

/**
 * @param visit told of each row that would be written
 * @param between called after each page, awaited
 */
export type Judge = (
  rows: ReadonlyMap<string, Row>,
  visit: (judged: Judged) => void,
  between: () => Promise<void>,
) => Promise<ImportSummary>;

const PAGE_ROWS = 1000;
const CONFLICTS_SHOWN = 100;
const TIMEOUT_MS = 15_000;

interface Counts {
  added: number;
  changed: number;
  same: number;
  regionChanged: number;
  moving: number;
  readonly conflicts: { line: number; why: 'region' | 'moving' }[];
}

export function createJudge(client: ValkeyClient, accounts: string): Judge {
  async function lookUp(hashes: readonly Buffer[]): Promise<(Buffer | null)[]> {
    if (hashes.length === 0) return [];
    return client.askPatiently((redis) => redis.hmgetBuffer(accounts, ...hashes), TIMEOUT_MS);
  }

  async function judgePage(page: readonly (readonly [string, Row])[], counts: Counts, visit: (judged: Judged) => void) {
    const hashes = page.map(([name]) => Buffer.from(name, 'latin1'));
    const older = page.flatMap(([, row]) => row.replaces);
    const [current, olderEntries] = [await lookUp(hashes), await lookUp(older)];
    let from = 0;
    for (const [at, [, row]] of page.entries()) {
      const hash = hashes[at] ?? Buffer.alloc(0);
      const entries = olderEntries.slice(from, from + row.replaces.length);
      from += row.replaces.length;
      const present = row.replaces.filter((_, index) => entries[index]);
      if (judgeRow(row, current[at] ?? null, entries, counts)) visit({ hash, row, older: present });
    }
  }

  return async (rows, visit, between) => {
    const counts: Counts = { added: 0, changed: 0, same: 0, regionChanged: 0, moving: 0, conflicts: [] };
    for (const page of pagesOf(rows)) {
      await judgePage(page, counts, visit);
      await between();
    }
    const conflicts = counts.conflicts.sort((one, other) => one.line - other.line).slice(0, CONFLICTS_SHOWN);
    return { ...counts, conflicts };
  };
}

/** Counts it; returns whether it would be written, were there no conflict. */
function judgeRow(row: Row, current: Buffer | null, older: readonly (Buffer | null)[], counts: Counts): boolean {
  const present = older.filter((entry) => entry !== null).map(factsOf);
  const own = current === null ? undefined : factsOf(current);
  const known = own ?? present[0];
  if (known === undefined) {
    counts.added += 1;
    return true;
  }
  if (known.moving || present.some(({ moving }) => moving)) {
    counts.moving += 1;
    counts.conflicts.push({ line: row.line, why: 'moving' });
    return false;
  }
  if (own !== undefined && present.length === 0 && own.facts === row.facts) {
    counts.same += 1;
    return false;
  }
  counts.changed += 1;
  if (known.region !== row.region) {
    counts.regionChanged += 1;
    counts.conflicts.push({ line: row.line, why: 'region' });
  }
  return true;
}

function* pagesOf(rows: ReadonlyMap<string, Row>): Generator<readonly (readonly [string, Row])[]> {
  let page: (readonly [string, Row])[] = [];
  for (const entry of rows) {
    page.push(entry);
    if (page.length < PAGE_ROWS) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
