// What the desk knows -> what the admin API shows: snake_case, hashes as hex, times as ISO 8601.
import type { z } from 'zod';
import type { AccountView, Change, Standing } from '../locality/desk.ts';
import type { StoredKey } from '../store/store.ts';
import type { AuditReadings, LiveAccount } from './admin-live-types.ts';
import type { SCHEMAS } from './admin-schemas.ts';

type Event = z.output<typeof SCHEMAS.Events>['events'][number];

export function accountView({ id, region, pinned, also, epoch, move }: AccountView): LiveAccount {
  if (move === null) return { id, region, pinned, also, epoch, move };
  const { from, to, phase, keepOld, since } = move;
  return { id, region, pinned, also, epoch, move: { from, to, phase, keep_old: keepOld, since } };
}

export function standingView({ id, by, locality, entry }: Standing): object {
  return {
    id,
    by,
    locality:
      locality === undefined
        ? null
        : { home: locality.home, also: locality.also, pinned: locality.pinned, moving: locality.moving === true },
    entry: entry === undefined ? null : accountView(entry),
  };
}

export function eventView({ epoch, atMs, what, hash, actor, detail }: Change): Event {
  return { epoch, at: new Date(atMs).toISOString(), what, account: hash?.toString('hex') ?? null, actor, detail };
}

/** What is documented, whatever else the journal tells. */
export function auditView(readings: AuditReadings): AuditReadings {
  const { file, sequence, written, lost, failing, failures, headAgeMs, head, bytes } = readings;
  return { file, sequence, written, lost, failing, failures, headAgeMs, head, bytes };
}

export function keyView({ hash, region, kind, owner, expiresAtMs }: StoredKey): object {
  return {
    found: true,
    hash: hash.toString('hex'),
    region,
    kind,
    owner: owner?.toString('hex') ?? null,
    expires: new Date(expiresAtMs).toISOString(),
  };
}
