// The key of a request -> where it is held and whose it is, as decide asks for it; and what a create teaches.
import type { Caller, Classified, Found, Patience, Permit } from '../domain.ts';
import type { DigestParts } from '../keyed-hash.ts';
import type { Held } from '../policy/question.ts';
import { createdKeys } from './created.ts';
import { HELD_KEY, type HeldKey, type KeyIndex } from './key-index.ts';

const MISSING: Found<never> = { kind: 'missing' };

export interface KeyRooms {
  /** Undefined where the answer cannot matter: the route has no key, or the caller will be refused without it. */
  locateKey(request: Classified, caller: Caller, patience?: Patience): Found<Held> | undefined | Promise<Found<Held>>;
  /** Remembers both keys of a successful create. Never rejects; the index counts what failed. */
  learn(permit: Permit, caller: Caller, body: Buffer, patience?: Patience): Promise<void>;
}

/** The digest of a request's key, taken when it is first asked for. Only for requests that have one. */
export type KeyDigest = (request: Classified) => string;

/** @param digestOf under the current identity key */
export function createKeyDigest(digestOf: DigestParts): KeyDigest {
  return (request) => {
    request.keyDigest ??= digestOf(HELD_KEY, request.key ?? '');
    return request.keyDigest;
  };
}

/** @param accountName the form in which account names are compared (caller/credentials.ts accountKey) */
export function createKeyRooms(
  index: KeyIndex,
  accountName: (name: string) => string,
  keyDigest?: KeyDigest,
): KeyRooms {
  function heldBy(found: Found<HeldKey>, caller: Caller): Found<Held> {
    if (found.kind !== 'found') return found;
    const { region, owner } = found.value;
    const own = caller.credentials !== undefined && index.isOwner(found.value, accountName(caller.credentials.name));
    return { kind: 'found', value: { region, owner: owner === undefined ? 'nobody' : own ? 'caller' : 'other' } };
  }

  return {
    locateKey(request, caller, patience) {
      const { route, key } = request;
      if (key === undefined) return undefined;
      if (route.access === 'private' && caller.credentials === undefined) return MISSING;
      const found = index.find(key, patience, keyDigest?.(request));
      return found instanceof Promise ? found.then((answer) => heldBy(answer, caller)) : heldBy(found, caller);
    },

    async learn(permit, caller, body, patience) {
      const created = createdKeys(body);
      if (created === undefined) return;
      const { secret, metadata, ttlSeconds } = created;
      const owner =
        permit.credentials === 'forward' && caller.credentials !== undefined
          ? accountName(caller.credentials.name)
          : undefined;
      const about = { region: permit.region, owner, ttlSeconds };
      const keys = [
        { ...about, key: secret, kind: 'secret' },
        { ...about, key: metadata, kind: 'metadata' },
      ] as const;
      await index.learn(keys, patience);
    },
  };
}
