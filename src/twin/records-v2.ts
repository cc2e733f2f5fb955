// Secrets and metadata as v2 writes them. A record that was just made holds numbers and nulls, one that was loaded from the
// database holds strings (cases 257 and 289).
import { type Caller, ownerName } from './service.ts';
import type { Metadata, Secret } from './store.ts';

/** `saved`: this very call changed the record, so its date is still a number (case 266-v2-secret-get). */
export type Origin = 'made' | 'loaded' | 'saved';

export function secretV2(secret: Secret, origin: Origin): object {
  const field = origin === 'made' ? (value: number) => value : String;
  return {
    identifier: secret.key,
    key: secret.key,
    state: secret.state,
    secret_ttl: field(secret.ttlSeconds),
    lifespan: field(secret.ttlSeconds),
    original_size: field(secret.originalSize),
    shortkey: secret.key.slice(0, 8),
    has_passphrase: secret.passphrase !== '',
    verification: false,
    is_truncated: secret.truncated,
    created: field(secret.created),
    updated: origin === 'loaded' ? String(secret.updated) : secret.updated,
  };
}

const DESTROYED = new Set(['received', 'burned', 'expired', 'orphaned']);

export function metadataV2(metadata: Metadata, origin: 'made' | 'loaded'): object {
  const made = origin === 'made';
  const field = made ? (value: number) => value : String;
  const date = (value: number | undefined) => (made ? null : value === undefined ? '' : String(value));
  return {
    identifier: metadata.key,
    key: metadata.key,
    custid: metadata.owner,
    state: metadata.state,
    secret_shortkey: metadata.secretShortKey,
    secret_ttl: field(metadata.ttlSeconds),
    metadata_ttl: field(metadata.ttlSeconds * 2),
    lifespan: field(metadata.ttlSeconds * 2),
    share_domain: made ? null : '',
    created: field(metadata.created),
    updated: field(metadata.updated),
    shared: date(undefined),
    received: date(metadata.received),
    burned: date(metadata.burned),
    viewed: date(metadata.viewed),
    recipients: made && metadata.recipients === '' ? null : metadata.recipients,
    shortkey: metadata.key.slice(0, 8),
    show_recipients: metadata.recipients !== '',
    is_viewed: metadata.state === 'viewed',
    is_received: metadata.state === 'received',
    is_burned: metadata.state === 'burned',
    is_expired: metadata.state === 'expired',
    is_orphaned: metadata.state === 'orphaned',
    is_destroyed: DESTROYED.has(metadata.state),
    is_truncated: metadata.truncated,
  };
}

export function isDestroyed(metadata: Metadata): boolean {
  return DESTROYED.has(metadata.state);
}

/** The links of a metadata page, in its order. */
export function linksV2(metadata: Metadata, secretKey: string, origin: string): object {
  const sharePath = `secret/${secretKey}`;
  const metadataPath = `private/${metadata.key}`;
  return {
    share_path: sharePath,
    burn_path: `${metadataPath}/burn`,
    metadata_path: metadataPath,
    share_url: `${origin}/${sharePath}`,
    metadata_url: `${origin}/${metadataPath}`,
    burn_url: `${origin}/${metadataPath}/burn`,
  };
}

/** `60 minutes`, `14 days`. */
export function naturalDuration(seconds: number): string {
  if (seconds <= 3600) return `${Math.floor(seconds / 60)} minutes`;
  if (seconds <= 24 * 3600) return `${Math.floor(seconds / 3600)} hours`;
  return `${Math.floor(seconds / (24 * 3600))} days`;
}

/** How high the service would make the box for a value. */
export function displayLines(value: string | undefined): number {
  const text = value ?? '';
  return Math.min(30, Math.floor((80 + text.length) / 80) + (text.split('\n').length - 1) + 3);
}

/** Null without a value. */
export function isOneLiner(value: string | undefined): boolean | null {
  return value === undefined || value === '' ? null : !value.includes('\n');
}

/** Nobody owns what was made anonymously. */
export function owns(caller: Caller, owner: string): boolean {
  return caller !== 'anonymous' && ownerName(caller) === owner;
}
