// The key that signs heads: Ed25519, made on first start. Who verifies needs its public half only, which lies beside it.
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject, randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeOnce, syncFolder, writeNew } from '../durable.ts';
import { AuditOpenError, codeOf } from './error.ts';

/** Of a fingerprint, behind the name of a public key whose private one was replaced. */
const OLDER_UNITS = 16;
const OLDER = /\.[0-9a-f]{16}$/;

export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly fingerprint: string;
}

/** `data/audit.key.pub` of `data/audit.key`. */
export function publicKeyFileOf(keyFile: string): string {
  return `${keyFile}.pub`;
}

/** SHA-256 of the public key (SubjectPublicKeyInfo, DER), in hex. */
export function fingerprintOf(publicKey: KeyObject): string {
  return hash('sha256', publicKey.export({ type: 'spki', format: 'der' }));
}

/**
 * Reads the key, and makes it where there is none; writes the public key beside it where that is missing or another one.
 * @throws AuditOpenError
 */
export function openSigningKey(file: string): SigningKey {
  try {
    const text = readKey(file) ?? makeKey(file);
    const privateKey = parsePrivate(text, file);
    const publicKey = createPublicKey(privateKey);
    publish(publicKeyFileOf(file), publicKey);
    return { privateKey, publicKey, fingerprint: fingerprintOf(publicKey) };
  } catch (error) {
    if (error instanceof AuditOpenError) throw error;
    throw new AuditOpenError(
      `The audit key ${file} cannot be used (${codeOf(error) ?? 'an unexpected error'}): the user that runs the gateway ` +
        'must be able to read it, and to write its folder on first start.',
      { cause: error },
    );
  }
}

/** @returns undefined where the text is no Ed25519 public key in PEM */
export function readPublicKey(pem: string): KeyObject | undefined {
  // createPublicKey would derive one from a private key, too: nobody should get used to handing that around.
  if (pem.includes('PRIVATE KEY')) return undefined;
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The public keys that lie beside a private one: its own, and those of keys that were in its place before.
 * @returns none where the gateway has not made one yet. @throws the error of the system where one cannot be read
 */
export function publicKeysBeside(keyFile: string): { readonly file: string; readonly key: KeyObject }[] {
  const own = publicKeyFileOf(keyFile);
  const older = namesIn(dirname(own)).filter((name) => OLDER.test(name) && name.startsWith(`${basename(own)}.`));
  return [own, ...older.map((name) => join(dirname(own), name))].flatMap((file) => {
    const key = readPublicKey(readIfThere(file) ?? '');
    return key === undefined ? [] : [{ file, key }];
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function readKey(file: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    // Of the open file, so that what is checked is what is read.
    const { mode } = fstatSync(fd);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new AuditOpenError(
        `The audit key ${file} can be read by others (mode ${(mode & 0o777).toString(8)}). Run: chmod 600 ${file}`,
      );
    }
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function makeKey(file: string): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  makeOnce(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600);
  return readFileSync(file, 'utf8');
}

function parsePrivate(pem: string, file: string): KeyObject {
  const advice =
    'Restore it, or move it away: a new one is made, and heads signed so far are verified with the old .pub.';
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // Its message is about the bytes of a key: not passed on.
    throw new AuditOpenError(`The audit key ${file} is not a private key in PEM. ${advice}`);
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new AuditOpenError(`The audit key ${file} is a ${key.asymmetricKeyType} key; Ed25519 is needed. ${advice}`);
}

/** Another one than ours is kept under its fingerprint: older heads are verified with it. */
function publish(file: string, publicKey: KeyObject): void {
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const found = readIfThere(file);
  if (found === pem) return;
  const older = found === undefined ? undefined : readPublicKey(found);
  if (older !== undefined) renameSync(file, `${file}.${fingerprintOf(older).slice(0, OLDER_UNITS)}`);
  const temporary = `${file}.${randomBytes(8).toString('hex')}.tmp`;
  writeNew(temporary, pem, 0o644);
  renameSync(temporary, file);
  syncFolder(file);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
