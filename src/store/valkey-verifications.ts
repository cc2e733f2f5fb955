// What regions said of credentials, for all gateways: by keyed hash, for some minutes.
import type { KeyedHash } from '../domain.ts';
import type { SharedVerifications, StoreNews } from './store.ts';
import type { ValkeyClient } from './valkey-client.ts';

const NEWS = 'verification ';
const HASH_HEX = /^[0-9a-f]{32}$/;

/** What is published when credentials are no longer good. */
export function verificationNews(hash: KeyedHash): string {
  return `${NEWS}${hash.toString('hex')}`;
}

/** What a published message says of credentials; undefined: it is of something else, or nobody's here. */
export function readVerificationNews(message: string): StoreNews | undefined {
  const hex = message.slice(NEWS.length);
  if (!message.startsWith(NEWS) || !HASH_HEX.test(hex)) return undefined;
  return { kind: 'verification', hash: Buffer.from(hex, 'hex') as KeyedHash };
}

const UNREADABLE = { kind: 'unavailable', cause: new TypeError('the entry of a verification cannot be read') } as const;

/** Makes the room's side in the engine. State: none here. */
export function createValkeyVerifications(client: ValkeyClient): SharedVerifications {
  const nameOf = (hash: KeyedHash): string => `${client.prefix}v:${hash.toString('base64url')}`;

  /** Nobody waits for it: what is not written is asked of the region once more. */
  function tell(question: Parameters<typeof client.ask<unknown>>[0]): void {
    client.ask(question).catch(() => {});
  }

  return {
    async find(hash, patience) {
      try {
        const kept = await client.ask((redis) => redis.get(nameOf(hash)), patience);
        if (kept === null) return { kind: 'missing' };
        // Only these two words: whatever else stands there must not pass for good.
        return kept === 'good' || kept === 'bad' ? { kind: 'found', value: kept === 'good' } : UNREADABLE;
      } catch (cause) {
        return { kind: 'unavailable', cause };
      }
    },
    put(hash, good, keepMs) {
      tell((redis) => redis.set(nameOf(hash), good ? 'good' : 'bad', 'PX', Math.max(1, Math.floor(keepMs))));
    },
    forget(hash) {
      tell((redis) => redis.del(nameOf(hash)));
      client.publish(verificationNews(hash));
    },
  };
}
