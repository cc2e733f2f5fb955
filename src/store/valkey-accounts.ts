// Accounts, changes and leases as the distributed engine holds them: text, its parts separated by tabs.
//
//     account  epoch identity pinned region also, and where it is being moved: from to phase keepOld since
//     change   epoch at what hash actor detail
import type { KeyedHash } from '../domain.ts';
import { type AccountFacts, CHANGES, type Change, type GatewayLease, type StoredAccount } from './directory-store.ts';

const NOWHERE: readonly string[] = [];

/** All of an entry but its epoch. @throws TypeError: a part that cannot be written */
export function encodeFacts({ region, pinned, also, identity }: AccountFacts & { readonly identity: string }): string {
  for (const word of [region, identity, ...also]) {
    if (word === '' || /[\s\p{Cc}]/u.test(word)) throw new TypeError('a region’s name cannot be stored');
  }
  return `${identity}\t${pinned ? 1 : 0}\t${region}\t${also.join(' ')}`;
}

/** @throws TypeError: somebody else wrote it */
export function decodeAccount(hash: KeyedHash, entry: Buffer): StoredAccount {
  const [epoch, identity = '', pinned, region, also, from, to, phase, keepOld, sinceMs] = entry
    .toString('utf8')
    .split('\t');
  if (!region || also === undefined) throw new TypeError('an account’s entry cannot be read');
  const facts = { hash, region, pinned: pinned === '1', also: listOf(also), epoch: Number(epoch), identity };
  if (from === undefined) return { ...facts, move: undefined };
  if (!to || (phase !== 'frozen' && phase !== 'cutover')) throw new TypeError('an account’s move cannot be read');
  return { ...facts, move: { from, to, phase, keepOld: keepOld === '1', sinceMs: Number(sinceMs) } };
}

function listOf(also: string): readonly string[] {
  // Nearly all have none.
  return also === '' ? NOWHERE : also.split(' ');
}

/** Without its epoch, as `encodeFacts` writes it; and where it is, and whether it is being moved. */
export function factsOf(entry: Buffer): { readonly facts: string; readonly region: string; readonly moving: boolean } {
  const text = entry.toString('utf8');
  const parts = text.split('\t', 6);
  return { facts: text.slice(text.indexOf('\t') + 1), region: parts[3] ?? '', moving: parts.length > 5 };
}

export function decodeChange(text: Buffer): Change {
  const [epoch, atMs, what, hash = '', actor = '', detail = ''] = text.toString('utf8').split('\t');
  const kind = CHANGES.find((known) => known === what);
  if (kind === undefined) throw new TypeError('a change of the directory cannot be read');
  return {
    epoch: Number(epoch),
    atMs: Number(atMs),
    what: kind,
    hash: hash === '' ? undefined : (Buffer.from(hash, 'hex') as KeyedHash),
    actor,
    detail,
  };
}

/** As scripts answer it. */
export function decodeLease(lease: readonly Buffer[]): GatewayLease {
  const [gateway = '', label = '', seen, leftMs] = lease.map(String);
  return { gateway, label, seen: Number(seen), leftMs: Number(leftMs) };
}

/** Of free text: as one part of an entry. */
export function asPart(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ');
}

/** Bytes of an answer as the hash that was stored. */
export function hashOf(bytes: Buffer): KeyedHash {
  return Buffer.from(bytes) as KeyedHash;
}
