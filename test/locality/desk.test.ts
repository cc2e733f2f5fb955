// The operators' desk over a real embedded store: names are hashed at its door, and moves are refused where they would
// do nothing or lose something.

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accountKey, parseCredentials } from '../../src/caller/credentials.ts';
import { didYouMean } from '../../src/config/problem.ts';
import type { Found, Locality, RegionName } from '../../src/domain.ts';
import { createKeyedHash } from '../../src/keyed-hash.ts';
import { nameFault } from '../../src/locality/account-name.ts';
import { createDesk, type Desk, type DeskError, type DeskOptions } from '../../src/locality/desk.ts';
import type { DirectoryStore } from '../../src/store/directory-store.ts';
import { MarkMissingError } from '../../src/store/directory-store.ts';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite.ts';
import { StoreAwayError } from '../../src/store/store.ts';

const [US, EU, CA] = ['us', 'eu', 'ca'] as RegionName[] as [RegionName, RegionName, RegionName];
const CURRENT = createKeyedHash(Buffer.alloc(32, 1));
const OLD = createKeyedHash(Buffer.alloc(32, 2));
const ANN = 'ann@corp.example';

let nowMs: number;
let store: SqliteStore;
beforeEach(() => {
  nowMs = 1_800_000_000_000;
  store = openSqliteStore(':memory:', { now: () => nowMs });
});
afterEach(() => store.close());

/** A rule knows everybody of us.example. */
function locateByRules(name: string): Found<Locality> {
  if (!name.endsWith('@us.example')) return { kind: 'missing' };
  return { kind: 'found', value: { home: US, also: [CA], pinned: true } };
}

function open(over: Partial<DeskOptions> = {}): Desk {
  return createDesk({
    store: store.directory,
    actor: 'cli:test',
    hashes: { current: CURRENT, older: [OLD] },
    normalise: accountKey,
    regions: [US, EU, CA],
    order: ['directory', 'source', 'rules'],
    locateByRules,
    suggest: didYouMean,
    ...over,
  });
}

const failing = (code: string) => expect.objectContaining({ name: 'DeskError', code });

describe('names at the desk', () => {
  it('meet one entry in every spelling', async () => {
    const desk = open();
    const { account } = await desk.add('Jo\u0308rg@Corp.example', { region: EU, pinned: true, also: [] }, false);
    const standing = await desk.show('j\u00f6rg@corp.EXAMPLE');
    expect(standing.id).toBe(account.id);
    expect(standing).toMatchObject({ by: 'directory', locality: { home: EU, pinned: true, also: [] } });
  });

  it.each(['', 'a:b', 'a b', ' ann', 'ann\u200b', '@kilo.test', 'x'.repeat(257), '\ud800'])(
    'that cannot arrive as credentials are refused, and not repeated: %j',
    async (name) => {
      const error = await open()
        .show(name)
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      expect(error).toEqual(failing('malformed'));
      if (name.length > 2 && name.trim() === name) expect((error as DeskError).message).not.toContain(name);
    },
  );

  it('are accepted only where credentials would bring them just so', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }), (name) => {
        fc.pre(nameFault(name) === undefined);
        const header = `Basic ${Buffer.from(`${name}:token`).toString('base64')}`;
        expect(parseCredentials(header)).toMatchObject({ name });
      }),
    );
  });

  it('and the other way about: what credentials bring can be written down, but for a whole domain', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (name) => {
        const parsed = parseCredentials(`Basic ${Buffer.from(`${name}:token`).toString('base64')}`);
        fc.pre(typeof parsed !== 'string' && parsed.name === name && !name.startsWith('@'));
        expect(nameFault(name)).toBeUndefined();
      }),
    );
  });
});

describe('entries', () => {
  it('take a sorted list of other regions without their own, and known regions alone', async () => {
    const desk = open();
    const { result, account } = await desk.add(ANN, { region: EU, pinned: false, also: [US, EU, CA, US] }, false);
    expect(result).toBe('added');
    expect(account).toMatchObject({ region: EU, pinned: false, also: [CA, US], move: null });
    await expect(desk.add(ANN, { region: 'ue', pinned: true, also: [] }, false)).rejects.toEqual(
      expect.objectContaining({ code: 'unknown_region', message: expect.stringContaining('Did you mean "eu"?') }),
    );
    await expect(desk.add(ANN, { region: EU, pinned: true, also: ['xx'] }, false)).rejects.toEqual(
      failing('unknown_region'),
    );
  });

  it('of another region are left as they are without overwrite', async () => {
    const desk = open();
    await desk.add(ANN, { region: EU, pinned: true, also: [] }, false);
    const answer = await desk.add(ANN, { region: US, pinned: true, also: [] }, false);
    expect(answer).toMatchObject({ result: 'region', account: { region: EU } });
    expect(await desk.add(ANN, { region: US, pinned: true, also: [] }, true)).toMatchObject({ result: 'changed' });
    expect((await desk.show(ANN)).locality?.home).toBe(US);
  });

  it('under an older identity key are found, moved and removed, and replaced by the next write', async () => {
    const before = open({ hashes: { current: OLD, older: [] } });
    const old = await before.add(ANN, { region: EU, pinned: true, also: [] }, false);
    const desk = open();
    expect(await desk.show(ANN)).toMatchObject({ id: old.account.id, by: 'directory' });
    const moved = await desk.move(ANN, US, true);
    expect(moved.account.id).toBe(old.account.id);
    expect(await desk.abort({ name: ANN })).toBe('aborted');

    const { account } = await desk.add(ANN, { region: EU, pinned: false, also: [] }, false);
    expect(account.id).not.toBe(old.account.id);
    expect(await desk.find(old.account.id)).toBeUndefined();
    expect(await desk.count()).toBe(1);
    expect(await desk.remove({ name: ANN })).toBe('removed');
    expect(await desk.count()).toBe(0);
  });

  it('of a region that is not configured any more have no locality: nothing is guessed', async () => {
    await open().add(ANN, { region: CA, pinned: true, also: [EU] }, false);
    const standing = await open({ regions: [US, EU] }).show(ANN);
    expect(standing).toMatchObject({ by: 'directory', locality: undefined, entry: { region: CA } });
  });

  it('are listed by pages, and a cursor that cannot be one is refused', async () => {
    const desk = open();
    for (let at = 0; at < 5; at++) await desk.add(`user${at}`, { region: EU, pinned: true, also: [] }, false);
    const seen = new Set<string>();
    let next: string | undefined;
    do {
      const page = await desk.list(next, 2);
      for (const { id } of page.accounts) seen.add(id);
      next = page.next;
    } while (next !== undefined);
    expect(seen.size).toBe(5);
    for (const wrong of ['no cursor', 'zz', '']) {
      await expect(desk.list(wrong, 2)).rejects.toEqual(failing('malformed'));
    }
    await expect(desk.list(undefined, 0)).rejects.toEqual(failing('malformed'));
    await expect(desk.find('ABC')).rejects.toEqual(failing('malformed'));
  });
});

describe('what is in force', () => {
  it('follows the order of the configuration', async () => {
    const name = 'bob@us.example';
    await open().add(name, { region: EU, pinned: true, also: [] }, false);
    expect(await open().show(name)).toMatchObject({ by: 'directory', locality: { home: EU } });
    const rulesFirst = await open({ order: ['rules', 'directory'] }).show(name);
    expect(rulesFirst).toMatchObject({ by: 'rules', locality: { home: US }, entry: { region: EU } });
    const without = await open({ order: ['rules'] }).show(ANN);
    expect(without).toMatchObject({ by: 'unknown', locality: undefined });
  });

  it('asks the source for the normalised name, and guesses nothing when it does not answer', async () => {
    const asked: string[] = [];
    const locateBySource = (account: string): Found<Locality> => {
      asked.push(account);
      return { kind: 'found', value: { home: CA, also: [], pinned: false } };
    };
    expect(await open({ locateBySource }).show('ANN@us.example')).toMatchObject({
      by: 'source',
      locality: { home: CA },
    });
    expect(asked).toEqual(['ann@us.example']);
    const away = open({ locateBySource: () => ({ kind: 'unavailable', cause: new Error('no') }) });
    await expect(away.show(ANN)).rejects.toEqual(failing('unavailable'));
  });
});

describe('moves', () => {
  const pinned = { region: EU, pinned: true, also: [] };

  it('of a pinned account have to say what becomes of the old region, and change nothing before', async () => {
    const desk = open();
    await desk.add(ANN, pinned, false);
    await expect(desk.move(ANN, US, undefined)).rejects.toEqual(failing('keep_old_required'));
    expect(await desk.moves()).toEqual([]);
    const { begun, account } = await desk.move(ANN, US, false);
    expect(begun).toBe(true);
    expect(account.move).toMatchObject({ from: EU, to: US, phase: 'frozen', keepOld: false });
    expect(account.move?.since).toBe(new Date(nowMs).toISOString());
  });

  it('of an account that is not pinned keep the old region unless told otherwise', async () => {
    const desk = open();
    await desk.add(ANN, { ...pinned, pinned: false }, false);
    const { account } = await desk.move(ANN, US, undefined);
    expect(account.move?.keepOld).toBe(true);
    expect((await desk.advance(account.id)).kind).toBe('cutover');
    expect((await desk.advance(account.id)).kind).toBe('finished');
    expect(await desk.find(account.id)).toMatchObject({ region: US, also: [EU], move: null });
  });

  it('are joined by the same, and by no other', async () => {
    const desk = open();
    await desk.add(ANN, pinned, false);
    await desk.move(ANN, US, true);
    expect(await desk.move(ANN, US, undefined)).toMatchObject({ begun: false });
    await expect(desk.move(ANN, US, false)).rejects.toEqual(failing('conflict'));
    await expect(desk.move(ANN, CA, true)).rejects.toEqual(failing('conflict'));
    expect(await desk.moves()).toHaveLength(1);
  });

  it('to where it lives, to nowhere, and of nobody are refused', async () => {
    const desk = open();
    await desk.add(ANN, pinned, false);
    await expect(desk.move(ANN, EU, true)).rejects.toEqual(failing('conflict'));
    await expect(desk.move(ANN, 'xx', true)).rejects.toEqual(failing('unknown_region'));
    await expect(desk.move('nobody', EU, true)).rejects.toEqual(failing('not_found'));
    expect(await desk.moves()).toEqual([]);
  });

  it('of an account that a rule knows take over what the rule says', async () => {
    const desk = open();
    await expect(desk.move('bob@us.example', EU, undefined)).rejects.toEqual(failing('keep_old_required'));
    expect(await desk.count()).toBe(0);
    const { account } = await desk.move('bob@us.example', EU, true);
    expect(account).toMatchObject({ region: US, pinned: true, also: [CA], move: { from: US, to: EU } });
    expect((await desk.show('bob@us.example')).locality).toMatchObject({ home: US, moving: true });
  });

  it('that something else would hide are refused: a rule that comes first, a directory that is not asked', async () => {
    await expect(open({ order: ['rules', 'directory'] }).move('bob@us.example', EU, true)).rejects.toEqual(
      failing('hidden_by_rule'),
    );
    await expect(open({ order: ['rules'] }).move(ANN, EU, true)).rejects.toEqual(failing('hidden_by_rule'));
    expect(await open().moves()).toEqual([]);
    // Of one that no rule knows nothing is hidden.
    const rulesFirst = open({ order: ['rules', 'directory'] });
    await rulesFirst.add(ANN, pinned, false);
    expect(await rulesFirst.move(ANN, US, true)).toMatchObject({ begun: true });
  });

  it('wait for a gateway that has not seen them, and are aborted before cutover alone', async () => {
    const desk = open();
    await desk.add(ANN, pinned, false);
    const lease = { gateway: 'g1', label: 'host:1', leaseMs: 60_000 };
    await store.directory.follow({ ...lease, seen: (await desk.mark())?.epoch ?? 0 }, undefined);
    const { account } = await desk.move(ANN, US, true);
    expect(await desk.advance(account.id)).toMatchObject({ kind: 'waiting', for: [{ label: 'host:1' }] });
    nowMs += 10 * 60_000;
    expect((await desk.advance(account.id)).kind).toBe('cutover');
    expect(await desk.abort({ id: account.id })).toBe('too_late');
    expect(await desk.abort({ name: 'nobody' })).toBe('none');
  });
});

describe('what the desk leaves behind', () => {
  it('names who did it, and no account', async () => {
    const desk = open();
    await desk.add(ANN, { region: EU, pinned: true, also: [] }, false);
    await desk.move(ANN, US, true);
    await desk.setDrained(CA, true);
    const events = await desk.events(undefined, 10);
    expect(events.map(({ what, actor }) => [what, actor])).toEqual([
      ['region_drained', 'cli:test'],
      ['move_begun', 'cli:test'],
      ['account_added', 'cli:test'],
      ['initialised', expect.any(String)],
    ]);
    expect(JSON.stringify(events)).not.toContain('ann');
  });

  it('drains configured regions alone, and takes any off the list', async () => {
    const desk = open();
    await expect(desk.setDrained('xx', true)).rejects.toEqual(failing('unknown_region'));
    expect(await desk.setDrained(CA, true)).toBe(true);
    expect(await open({ regions: [US, EU] }).setDrained(CA, false)).toBe(true);
  });
});

describe('a store in trouble', () => {
  function broken(cause: Error): DirectoryStore {
    const reject = (): Promise<never> => Promise.reject(cause);
    return {
      ...store.directory,
      findAccount: () => ({ kind: 'unavailable', cause }),
      follow: async () => ({ kind: 'unavailable', cause }),
      ...{ put: reject, remove: reject, list: reject, count: reject, mark: reject, gateways: reject, changes: reject },
    };
  }

  it.each([
    [new MarkMissingError(), /onetime-gateway store init/],
    [new StoreAwayError('the store is away (ECONNREFUSED)', 'STORE_AWAY'), /cannot be asked: the store is away/],
  ])('is told with what to do: %s', async (cause, sentence) => {
    const desk = open({ store: broken(cause) });
    const facts = { region: EU, pinned: true, also: [] };
    const questions = [
      () => desk.show(ANN),
      () => desk.add(ANN, facts, false),
      () => desk.remove({ name: ANN }),
      () => desk.list(undefined, 1),
      () => desk.count(),
      () => desk.move(ANN, US, true),
      () => desk.moves(),
      () => desk.gateways(),
      () => desk.mark(),
      () => desk.events(undefined, 1),
    ];
    for (const question of questions) {
      const error = await question().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error, String(question)).toEqual(failing('unavailable'));
      expect((error as DeskError).message).toMatch(sentence);
    }
  });

  it('is no excuse for a fault of the program', async () => {
    const desk = open({ store: broken(new TypeError('a fault')) });
    await expect(desk.count()).rejects.toThrow(TypeError);
  });
});
