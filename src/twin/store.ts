// Secrets and their metadata, kept as the service keeps them: two records with keys and lifetimes of their own.

export type SecretState = 'new' | 'viewed' | 'received' | 'burned' | 'orphaned' | 'expired';

export interface Secret {
  readonly key: string;
  readonly metadataKey: string;
  /** `anon` or the name of the account. */
  readonly owner: string;
  /** Undefined once consumed or removed. Bytes that are not UTF-8 stand as lone surrogates (see params.ts). */
  value: string | undefined;
  readonly passphrase: string;
  readonly ttlSeconds: number;
  readonly originalSize: number;
  readonly truncated: boolean;
  readonly created: number;
  updated: number;
  expiresAtMs: number;
  state: SecretState;
}

export interface Metadata {
  readonly key: string;
  readonly owner: string;
  /** Emptied when the secret is gone. */
  secretKey: string;
  readonly secretShortKey: string;
  readonly ttlSeconds: number;
  readonly generated: boolean;
  /** 0.26: the generated value was shown once. */
  displayed: boolean;
  /** Obscured address, or empty. */
  readonly recipients: string;
  readonly truncated: boolean;
  /** The date in the owner's list; `created` may be set back by `remove`. */
  readonly listed: number;
  created: number;
  updated: number;
  viewed: number | undefined;
  received: number | undefined;
  burned: number | undefined;
  readonly expiresAtMs: number;
  state: SecretState;
}

/** What is needed to make a pair of records. */
export interface Draft {
  readonly owner: string;
  readonly value: string;
  readonly originalSize: number;
  readonly truncated: boolean;
  readonly passphrase: string;
  readonly ttlSeconds: number;
  readonly generated: boolean;
  readonly recipients: string;
}

export interface Pair {
  readonly secret: Secret;
  readonly metadata: Metadata;
}

export interface Store {
  create(draft: Draft): Pair;
  /** A secret that can still be retrieved. */
  secret(key: string): Secret | undefined;
  /** Also one that was consumed or removed: for tests, which look without touching. */
  anySecret(key: string): Secret | undefined;
  metadata(key: string): Metadata | undefined;
  /** The owner's, newest first; the database breaks ties by key, descending. */
  recent(owner: string): Metadata[];
  /** Takes the value out of the secret and moves both records on. */
  consume(secret: Secret, state: 'received' | 'burned'): void;
  remove(key: string, how: 'orphan' | 'expire'): void;
}

/** The clock in whole seconds, as the service writes it down. */
export function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/** What Redis answers to TTL: the rest of a lifetime, rounded to the nearest second. */
export function secondsLeft(expiresAtMs: number, nowMs: number): number {
  return Math.round((expiresAtMs - nowMs) / 1000);
}

export function createStore(newKey: () => string, now: () => number, shortKeyLength: number): Store {
  const secrets = new Map<string, Secret>();
  const metadata = new Map<string, Metadata>();
  const byOwner = new Map<string, Metadata[]>();

  const findMetadata = (key: string): Metadata | undefined => {
    const found = metadata.get(key);
    return found !== undefined && found.expiresAtMs > now() ? found : undefined;
  };

  return {
    create(draft) {
      const pair = newPair(draft, newKey, now(), shortKeyLength);
      secrets.set(pair.secret.key, pair.secret);
      metadata.set(pair.metadata.key, pair.metadata);
      if (draft.owner !== 'anon') {
        const list = byOwner.get(draft.owner);
        if (list === undefined) byOwner.set(draft.owner, [pair.metadata]);
        else list.push(pair.metadata);
      }
      return pair;
    },
    secret(key) {
      const found = secrets.get(key);
      return found?.value !== undefined && found.expiresAtMs > now() ? found : undefined;
    },
    anySecret: (key) => secrets.get(key),
    metadata: findMetadata,
    recent(owner) {
      const nowMs = now();
      const list = (byOwner.get(owner) ?? []).filter((one) => one.expiresAtMs > nowMs);
      return list.sort((a, b) => b.listed - a.listed || (a.key < b.key ? 1 : -1));
    },
    consume(secret, state) {
      const at = seconds(now());
      secret.value = undefined;
      secret.state = state;
      const record = findMetadata(secret.metadataKey);
      if (record === undefined) return;
      record.state = state;
      record[state] = at;
      record.updated = at;
      record.secretKey = '';
    },
    remove(key, how) {
      const secret = secrets.get(key) ?? secrets.get(metadata.get(key)?.secretKey ?? '');
      if (secret === undefined) throw new Error('removeSecret: this region holds no such key');
      secret.value = undefined;
      secret.state = how === 'orphan' ? 'orphaned' : 'expired';
      const record = metadata.get(secret.metadataKey);
      // The recordings made a secret's lifespan be over by setting this date (case 007-private-expired of run 3).
      if (record !== undefined && how === 'expire') record.created = 1_000_000_000;
    },
  };
}

function newPair(draft: Draft, newKey: () => string, nowMs: number, shortKeyLength: number): Pair {
  const key = newKey();
  const metadataKey = newKey();
  const at = seconds(nowMs);
  const secret: Secret = {
    key,
    metadataKey,
    owner: draft.owner,
    value: draft.value,
    passphrase: draft.passphrase,
    ttlSeconds: draft.ttlSeconds,
    originalSize: draft.originalSize,
    truncated: draft.truncated,
    created: at,
    updated: at,
    expiresAtMs: nowMs + draft.ttlSeconds * 1000,
    state: 'new',
  };
  const metadata: Metadata = {
    key: metadataKey,
    owner: draft.owner,
    secretKey: key,
    secretShortKey: key.slice(0, shortKeyLength),
    ttlSeconds: draft.ttlSeconds,
    generated: draft.generated,
    displayed: false,
    recipients: draft.recipients,
    truncated: draft.truncated,
    listed: at,
    created: at,
    updated: at,
    viewed: undefined,
    received: undefined,
    burned: undefined,
    expiresAtMs: nowMs + draft.ttlSeconds * 2000,
    state: 'new',
  };
  return { secret, metadata };
}
