import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { keysRotate, OLD_KEY_KEPT_DAYS } from '../../src/cli/keys.ts';
import { IdentityKeyError, loadIdentityKeys, rotateIdentityKey } from '../../src/store/identity-key.ts';
import { NOW, startNode, temporaryDirectory } from './support.ts';

const DAY_MS = 86_400_000;
const place = (): string => join(temporaryDirectory(), 'identity.key');
const hex = (): string => randomBytes(32).toString('hex');
const fromFile = (file: string, nowMs = NOW) => loadIdentityKeys({ file, env: undefined, now: () => nowMs });
const fromEnv = (env: string) => loadIdentityKeys({ file: '/nowhere/at/all', env, now: () => NOW });

function write(path: string, content: string, mode = 0o600): void {
  writeFileSync(path, content, { mode });
  chmodSync(path, mode);
}

/** The message of the refusal, which must not hold any of the texts. */
function problem(action: () => unknown, ...secrets: string[]): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    const { message } = error as Error;
    for (const secret of secrets) expect(message.toLowerCase()).not.toContain(secret.toLowerCase());
    return message;
  }
  throw new Error('it was taken');
}

describe('the key file', () => {
  it('is made on first start, with its directory, for its user alone, and is the same from then on', () => {
    const path = join(temporaryDirectory(), 'data', 'identity.key');
    const made = fromFile(path);
    expect(made.current).toHaveLength(32);
    expect(made).toEqual({ current: made.current, older: [], source: 'file' });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    expect(readdirSync(dirname(path))).toEqual(['identity.key']);
    expect(readFileSync(path, 'utf8')).toBe(`${made.current.toString('hex')}\n`);
    expect(fromFile(path)).toEqual(made);
  });

  it('is one key for gateways that start at the same moment', async () => {
    const path = place();
    const at = String(Date.now() + 1500);
    const children = Array.from({ length: 6 }, () => startNode('identity.child.ts', path, at));
    const keys = await Promise.all(children.map(({ stdout }) => stdout && text(stdout)));
    expect(keys[0]).toMatch(/^[0-9a-f]{64}\n$/);
    expect(new Set(keys).size).toBe(1);
    expect(readdirSync(dirname(path))).toEqual(['identity.key']);
  });

  it('gives older keys while their time lasts', () => {
    const path = place();
    const [current, live, over] = [hex(), hex(), hex()];
    write(path, `${current}\n${live} until=${new Date(NOW + 1).toISOString()}\n${over} until=2020-01-01T00:00:00Z\n`);
    const keys = fromFile(path);
    expect(keys.current.toString('hex')).toBe(current);
    expect(keys.older.map((key) => key.toString('hex'))).toEqual([live]);
    expect(fromFile(path, NOW + 1).older).toEqual([]);
  });

  it.each([0o640, 0o604, 0o660])(
    'that others can read or write (mode %o) is refused, and the way out is said',
    (mode) => {
      const path = place();
      const key = hex();
      write(path, `${key}\n`, mode);
      const message = problem(() => fromFile(path), key);
      expect(message).toContain(`mode ${mode.toString(8)}`);
      expect(message).toContain(`chmod 600 ${path}`);
    },
  );

  const KEY = hex();
  it.each([
    ['empty', '', /Line 1 .* has 0 characters/],
    ['too short', KEY.slice(2), /Line 1 .* has 62 characters/],
    ['too long', `${KEY}00`, /Line 1 .* has 66 characters/],
    ['of other characters', `${KEY.slice(1)}g`, /Line 1 .* holds other characters/],
    ['with a time on the current key', `${KEY} until=2030-01-01T00:00:00Z`, /Line 1/],
    ['with an older key without a time', `${KEY}\n${KEY}`, /Line 2 .* until=/],
    ['with a time in words', `${KEY}\n${KEY} until=tomorrow`, /Line 2 .* until=/],
    ['with a time that is none', `${KEY}\n${KEY} until=2030-99-01T00:00:00Z`, /Line 2 .* until=/],
    ['with more than a time', `${KEY}\n${KEY} until=2030-01-01T00:00:00Z x`, /Line 2 .* until=/],
    ['with an empty line between', `${KEY}\n\n${KEY} until=2030-01-01T00:00:00Z`, /Line 2/],
    ['with a bad older key', `${KEY}\n${KEY.slice(2)} until=2030-01-01T00:00:00Z`, /Line 2 .* has 62 characters/],
  ])('that is %s is refused without showing it, and is not replaced', (_fault, content, expected) => {
    const path = place();
    write(path, content);
    const message = problem(() => fromFile(path), KEY.slice(2, 20), KEY.slice(-18, -2));
    expect(message).toMatch(expected);
    expect(message).toContain(path);
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  it('that cannot be made is a sentence, not a stack', () => {
    const path = place();
    write(path, '');
    expect(problem(() => fromFile(join(path, 'identity.key')))).toContain('cannot be used (ENOTDIR)');
  });
});

describe('GATEWAY_IDENTITY_KEY', () => {
  it('is one key or several, the first current; the file is not touched', () => {
    const [first, second] = [hex(), hex()];
    expect(fromEnv(first)).toEqual({ current: Buffer.from(first, 'hex'), older: [], source: 'environment' });
    expect(fromEnv(`${first.toUpperCase()}, ${second}\n`)).toEqual({
      current: Buffer.from(first, 'hex'),
      older: [Buffer.from(second, 'hex')],
      source: 'environment',
    });
    expect(existsSync('/nowhere')).toBe(false);
  });

  const KEY = hex();
  it.each([
    ['', /is empty: unset it/],
    [' ', /is empty: unset it/],
    [KEY.slice(1), /GATEWAY_IDENTITY_KEY must be 64 hex digits .* has 63 characters/],
    [`${KEY.slice(1)}-`, /holds other characters/],
    [`${KEY},`, /Key 2 in GATEWAY_IDENTITY_KEY .* has 0 characters/],
    [`${KEY},${KEY}f`, /Key 2 in GATEWAY_IDENTITY_KEY .* has 65 characters/],
  ])('refuses an unfit value without showing it (%#)', (value, expected) => {
    expect(problem(() => fromEnv(value), KEY.slice(1, 20), KEY.slice(-19, -1))).toMatch(expected);
  });
});

describe('rotation', () => {
  it('puts a new key first, keeps the old one for its time, and drops those whose time is over', () => {
    const path = place();
    const first = fromFile(path).current;
    expect(rotateIdentityKey(path, () => NOW, 10 * DAY_MS)).toEqual({
      file: path,
      keptUntilMs: NOW + 10 * DAY_MS,
      older: 1,
      dropped: 0,
    });
    const second = fromFile(path);
    expect(second.current.equals(first)).toBe(false);
    expect(second.older).toEqual([first]);
    expect(statSync(path).mode & 0o777).toBe(0o600);

    const nextDay = NOW + DAY_MS;
    expect(rotateIdentityKey(path, () => nextDay, 10 * DAY_MS)).toMatchObject({ older: 2, dropped: 0 });
    expect(fromFile(path, nextDay).older).toEqual([second.current, first]);
    expect(rotateIdentityKey(path, () => NOW + 10 * DAY_MS, 10 * DAY_MS)).toMatchObject({ older: 2, dropped: 1 });
    expect(readdirSync(dirname(path))).toEqual(['identity.key']);
  });

  it('refuses to run beside another one, so that neither loses a key', () => {
    const path = place();
    const { current } = fromFile(path);
    write(`${path}.next`, '');
    expect(problem(() => rotateIdentityKey(path, () => NOW, DAY_MS))).toContain('another rotation is under way');
    expect(fromFile(path)).toEqual({ current, older: [], source: 'file' });
  });

  it('leaves an unfit or missing file as it is, and nothing beside it', () => {
    const path = place();
    expect(problem(() => rotateIdentityKey(path, () => NOW, DAY_MS))).toContain('There is no identity key to rotate');
    expect(readdirSync(dirname(path))).toEqual([]);
    write(path, 'unfit');
    expect(() => rotateIdentityKey(path, () => NOW, DAY_MS)).toThrow(IdentityKeyError);
    expect(readdirSync(dirname(path))).toEqual(['identity.key']);
    expect(readFileSync(path, 'utf8')).toBe('unfit');
  });
});

describe('keys rotate', () => {
  it('says what happened, until when the old key is read, and that running gateways need a restart; never a key', () => {
    const path = place();
    const before = fromFile(path).current.toString('hex');
    const lines: string[] = [];
    keysRotate({ file: path, now: () => NOW, print: (line) => lines.push(line) });
    const said = lines.join('\n');
    expect(said).toContain(`A new identity key is first in ${path}.`);
    expect(said).toContain(new Date(NOW + OLD_KEY_KEPT_DAYS * DAY_MS).toISOString());
    expect(said).toContain('Restart every one');
    for (const key of [before, fromFile(path).current.toString('hex')]) expect(said).not.toContain(key);
  });

  it('tells how to rotate by hand when the key comes from the environment, and leaves the file alone', () => {
    const path = place();
    const key = hex();
    const message = problem(() => keysRotate({ file: path, env: key }), key);
    expect(message).toMatch(/first give every one `OLD,NEW`.* Then give every one `NEW,OLD`.*400 days/);
    expect(existsSync(path)).toBe(false);
  });

  it('ends with the exit code of a bad configuration when there is nothing to rotate', () => {
    const path = place();
    expect(() => keysRotate({ file: path })).toThrow(expect.objectContaining({ exitCode: 78 }));
  });
});
