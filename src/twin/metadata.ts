// What happens when somebody looks at metadata, and how v1 writes it down.
import type { Service } from './service.ts';
import { type Metadata, type Secret, seconds, secondsLeft } from './store.ts';

/** One look at metadata. Its states are those after the look, as 0.20's v1 answers them. */
export interface Look {
  readonly secret: Secret | undefined;
  /** The plaintext, where this look shows it. */
  readonly value: string | undefined;
  /** The state before this look. */
  readonly before: Metadata['state'];
}

/**
 * Advances the state as the first look does: 0.20 shows the plaintext of any new secret without passphrase and marks it
 * viewed (case 153-private-owner-first); 0.26 shows a generated value once (UPSTREAM.md).
 */
export function look(service: Service, metadata: Metadata): Look {
  const at = seconds(service.now());
  const secret = service.store.secret(metadata.secretKey);
  const before = metadata.state;
  if (secret === undefined) loseSecret(service, metadata, at);
  const value = secret === undefined ? undefined : shownValue(service, metadata, secret);
  if (metadata.state === 'new') {
    metadata.state = 'viewed';
    metadata.viewed = at;
    metadata.updated = at;
  }
  return { secret, value, before };
}

/** Cases 004 to 007 of run 3: 0.20 notices that a secret expired, but keeps `viewed` for one that was lost. */
function loseSecret(service: Service, metadata: Metadata, at: number): void {
  if (metadata.state !== 'new' && metadata.state !== 'viewed') return;
  metadata.secretKey = '';
  if (metadata.created + metadata.ttlSeconds <= at) metadata.state = 'expired';
  else if (service.version === '0.26') metadata.state = 'orphaned';
  else return;
  metadata.updated = at;
}

function shownValue(service: Service, metadata: Metadata, secret: Secret): string | undefined {
  if (metadata.state !== 'new' || secret.passphrase !== '') return undefined;
  if (service.version === '0.20') return secret.value;
  if (!metadata.generated || metadata.displayed) return undefined;
  metadata.displayed = true;
  return secret.value;
}

export interface V1Extras {
  readonly secret?: Secret | undefined;
  readonly value?: string | undefined;
  /** In `recent`: without the secret's key, which 0.26 then shows under another name (UPSTREAM.md). */
  readonly listed?: true;
}

/** Metadata as v1 writes it, keys in its order (cases 023, 153, 171, 191). */
export function metadataV1(service: Service, metadata: Metadata, origin: string, extras: V1Extras): object {
  const received = metadata.state === 'received';
  const nowMs = service.now();
  const secret = extras.secret;
  return {
    custid: metadata.owner,
    metadata_key: metadata.key,
    ...(received || extras.listed ? {} : { secret_key: metadata.secretKey }),
    ttl: metadata.ttlSeconds,
    metadata_ttl: secondsLeft(metadata.expiresAtMs, nowMs),
    ...(received ? {} : { secret_ttl: secret === undefined ? null : secondsLeft(secret.expiresAtMs, nowMs) }),
    state: metadata.state,
    updated: metadata.updated,
    created: metadata.created,
    ...(received ? { received: metadata.received } : {}),
    recipient: metadata.recipients === '' ? [] : [metadata.recipients],
    share_domain: '',
    ...(extras.value === undefined ? {} : { value: extras.value }),
    ...(secret === undefined ? {} : { passphrase_required: secret.passphrase !== '' }),
    ...(service.version === '0.26' ? newerNames(metadata, origin) : {}),
  };
}

function newerNames(metadata: Metadata, origin: string): object {
  return {
    ...(metadata.secretKey === '' ? {} : { secret_identifier: metadata.secretKey }),
    metadata_url: `${origin}/private/${metadata.key}`,
  };
}
