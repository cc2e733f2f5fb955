// The key that hashes names and keys in the store: made on first start, read from a file or the environment, rotated.
//
// The file has one line a key, the current one first: `HEX64`, then older ones `HEX64 until=ISO-TIMESTAMP`, which go on
// being read until every entry made under them has expired. No message here ever holds a key or a part of one.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { makeOnce, syncFolder } from '../durable.ts';

export interface IdentityKeys {
  /** 32 bytes each. */
  readonly current: Buffer;
  /** Newest first; without those whose time is over. */
  readonly older: readonly Buffer[];
  readonly source: 'file' | 'environment';
}

export interface IdentityKeySource {
  /** Path of the key file; made if missing. Not touched when `env` is given. */
  readonly file: string;
  /** The value of GATEWAY_IDENTITY_KEY: 64 hex digits, or several separated by commas, the first is current. */
  readonly env: string | undefined;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

export interface Rotation {
  /** The file, as an absolute path. */
  readonly file: string;
  /** Until when the key that was current is still read. Unix time in milliseconds. */
  readonly keptUntilMs: number;
  /** Older keys in the file now, with the one that was current. */
  readonly older: number;
  /** Keys removed because their time was over. */
  readonly dropped: number;
}

/** The identity key cannot be used as it is; the message says why and what to do, never the key. */
export class IdentityKeyError extends Error {
  override readonly name = 'IdentityKeyError';
}

interface OlderKey {
  readonly key: Buffer;
  readonly untilMs: number;
}

interface KeyFile {
  readonly current: Buffer;
  readonly older: readonly OlderKey[];
}

const HEX64 = /^[0-9a-f]{64}$/i;
/** What `Date.toISOString` writes, and nothing that reads differently elsewhere. */
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/;
const HOW_TO_MAKE = 'make one with: openssl rand -hex 32';

/** @throws IdentityKeyError */
export function loadIdentityKeys({ file, env, now }: IdentityKeySource): IdentityKeys {
  if (env !== undefined) return fromEnvironment(env);
  const path = resolve(file);
  let keys = readKeyFile(path);
  if (keys === 'missing') {
    makeKeyFile(path);
    // Read again, never taken from memory: of two gateways that start at once, one made the file.
    keys = readKeyFile(path);
    if (keys === 'missing') throw new IdentityKeyError(`The identity key ${path} was removed just after it was made.`);
  }
  const nowMs = now();
  const older = keys.older.filter(({ untilMs }) => untilMs > nowMs).map(({ key }) => key);
  return { current: keys.current, older, source: 'file' };
}

/**
 * Puts a new key first in the file and keeps the one that was current for reading.
 *
 * @param keepMs longer than the longest life of an entry
 * @throws IdentityKeyError: no file, unfit, not writable, or another rotation is under way
 */
export function rotateIdentityKey(file: string, now: () => number, keepMs: number): Rotation {
  const path = resolve(file);
  if (!existsSync(path)) throw noKeyYet(path);
  const next = `${path}.next`;
  // The new file is also the lock: two rotations at once would each lose the other's key.
  const fd = openNew(next);
  if (fd === 'exists') {
    throw new IdentityKeyError(
      `${next} exists: another rotation is under way, or one was interrupted. If none is running, remove that file ` +
        '(its key was never used) and try again.',
    );
  }
  try {
    const keys = readKeyFile(path);
    if (keys === 'missing') throw noKeyYet(path);
    const nowMs = now();
    const live = keys.older.filter(({ untilMs }) => untilMs > nowMs);
    const keptUntilMs = nowMs + keepMs;
    const older = [{ key: keys.current, untilMs: keptUntilMs }, ...live];
    writeFileSync(fd, keyText({ current: randomBytes(32), older }));
    fsyncSync(fd);
    renameSync(next, path);
    syncFolder(path);
    return { file: path, keptUntilMs, older: older.length, dropped: keys.older.length - live.length };
  } catch (error) {
    rmSync(next, { force: true });
    throw asKeyError(path, error);
  } finally {
    closeSync(fd);
  }
}

function noKeyYet(path: string): IdentityKeyError {
  return new IdentityKeyError(`There is no identity key to rotate at ${path}: the gateway makes it on first start.`);
}

function fromEnvironment(value: string): IdentityKeys {
  const where = 'GATEWAY_IDENTITY_KEY';
  if (value.trim() === '') {
    throw new IdentityKeyError(`${where} is empty: unset it to use the key file, or ${HOW_TO_MAKE}`);
  }
  const texts = value.split(',').map((text) => text.trim());
  const keys = texts.map((text, at) => parseKey(text, texts.length === 1 ? where : `Key ${at + 1} in ${where}`));
  const [current, ...older] = keys as [Buffer, ...Buffer[]];
  return { current, older, source: 'environment' };
}

function parseKey(text: string, where: string): Buffer {
  if (HEX64.test(text)) return Buffer.from(text, 'hex');
  const fault = text.length === 64 ? 'holds other characters' : `has ${text.length} characters`;
  throw new IdentityKeyError(`${where} must be 64 hex digits (32 bytes), but ${fault}; ${HOW_TO_MAKE}`);
}

function readKeyFile(path: string): KeyFile | 'missing' {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'missing';
    throw asKeyError(path, error);
  }
  try {
    // Of the open file, so that what is checked is what is read.
    const { mode } = fstatSync(fd);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new IdentityKeyError(
        `The identity key ${path} can be read by others (mode ${(mode & 0o777).toString(8)}). Run: chmod 600 ${path} ` +
          '(where that is impossible, as with mounted secrets, give the key in GATEWAY_IDENTITY_KEY instead).',
      );
    }
    return parseKeyFile(readFileSync(fd, 'utf8'), path);
  } catch (error) {
    throw asKeyError(path, error);
  } finally {
    closeSync(fd);
  }
}

function parseKeyFile(text: string, path: string): KeyFile {
  const lines = text.trimEnd().split(/\r?\n/);
  const [first = '', ...rest] = lines;
  const current = parseKey(first, `Line 1 of the identity key ${path}`);
  const older = rest.map((line, at) => {
    const where = `Line ${at + 2} of the identity key ${path}`;
    const [key = '', until = '', ...more] = line.split(' ');
    const time = until.startsWith('until=') ? until.slice('until='.length) : '';
    if (!ISO.test(time) || Number.isNaN(Date.parse(time)) || more.length > 0) {
      throw new IdentityKeyError(`${where} must be an older key: 64 hex digits, a space, until=YYYY-MM-DDTHH:MM:SSZ.`);
    }
    return { key: parseKey(key, where), untilMs: Date.parse(time) };
  });
  return { current, older };
}

/** One that exists by then is left as it is. */
function makeKeyFile(path: string): void {
  try {
    makeOnce(path, keyText({ current: randomBytes(32), older: [] }), 0o600);
  } catch (error) {
    throw asKeyError(path, error);
  }
}

function openNew(path: string): number | 'exists' {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return 'exists';
    throw asKeyError(path, error);
  }
}

function keyText({ current, older }: KeyFile): string {
  const lines = older.map(({ key, untilMs }) => `${key.toString('hex')} until=${new Date(untilMs).toISOString()}`);
  return `${[current.toString('hex'), ...lines].join('\n')}\n`;
}

function asKeyError(path: string, error: unknown): IdentityKeyError {
  if (error instanceof IdentityKeyError) return error;
  const code = codeOf(error) ?? 'an unexpected error';
  return new IdentityKeyError(
    `The identity key ${path} cannot be used (${code}): the user that runs the gateway must be able to read it, and ` +
      'to write its directory on first start and for rotation.',
    { cause: error },
  );
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
