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

/** Of credentials that could not be forgotten at the time. More are forgotten by their age alone. */
const MOST_OWED = 1000;

/** Makes the room's side in the engine. State: what the engine was to forget while it was away, until it is back. */
export function createValkeyVerifications(client: ValkeyClient): SharedVerifications {
  const owed = new Map<string, KeyedHash>();
  const nameOf = (hash: KeyedHash): string => `${client.prefix}v:${hash.toString('base64url')}`;

  function forget(hash: KeyedHash): void {
    const name = nameOf(hash);
    if (owed.size < MOST_OWED) owed.set(name, hash);
    client
      .ask((redis) => redis.del(name))
      .then(
        () => {
          owed.delete(name);
          client.publish(verificationNews(hash));
        },
        () => {},
      );
  }

  return {
    async find(hash, patience) {
      // Behind the back of this gateway it may still stand there as good.
      if (owed.has(nameOf(hash))) return { kind: 'missing' };
      try {
        const kept = await client.ask((redis) => redis.get(nameOf(hash)), patience);
        // It is back.
        for (const late of owed.values()) forget(late);
        if (kept === null) return { kind: 'missing' };
        // Only these two words: whatever else stands there must not pass for good.
        return kept === 'good' || kept === 'bad' ? { kind: 'found', value: kept === 'good' } : UNREADABLE;
      } catch (cause) {
        return { kind: 'unavailable', cause };
      }
    },
    put(hash, good, keepMs) {
      const name = nameOf(hash);
      // Newer than what was to be forgotten.
      owed.delete(name);
      const question = client.ask((redis) =>
        redis.set(name, good ? 'good' : 'bad', 'PX', Math.max(1, Math.floor(keepMs))),
      );
      // What is not written is asked of the region once more.
      question.catch(() => {});
    },
    forget,
  };
}
