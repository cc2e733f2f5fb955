// What the admin API does, over real sockets, a real desk and a real store.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DirectoryStore, MarkMissingError } from '../../src/store/directory-store.ts';
import { type AdminLab, HASH, hashOfKey, KEY, NAME, openAdminLab } from './admin-lab.ts';

let lab: AdminLab;
beforeEach(async () => {
  lab = await openAdminLab();
});
afterEach(() => lab.close());

const put = (more: Record<string, unknown> = {}) =>
  lab.ask('POST', '/admin/v1/accounts', { account: NAME, region: 'eu', ...more });
const idOf = async (): Promise<string> => (await lab.desk.show(NAME)).id;

describe('accounts', () => {
  it('answers 201 when one is added, 200 same and changed, and shows the entry by id and by name', async () => {
    const added = await put({ pinned: true, also: ['us'] });
    expect([added.status, added.json().result]).toEqual([201, 'added']);
    const entry = { id: await idOf(), region: 'eu', pinned: true, also: ['us'], epoch: 2, move: null };
    expect(added.json().account).toEqual(entry);
    expect((await put()).json()).toEqual({ result: 'same', account: entry });
    expect((await put({ also: [] })).json()).toMatchObject({ result: 'changed', account: { also: [], pinned: true } });
    const byId = await lab.ask('GET', `/admin/v1/accounts/${entry.id}`);
    expect([byId.status, byId.json().also]).toEqual([200, []]);
    const standing = await lab.ask('POST', '/admin/v1/accounts/lookup', { account: NAME.toUpperCase() });
    expect(standing.json()).toEqual({
      id: entry.id,
      by: 'directory',
      locality: { home: 'eu', also: [], pinned: true, moving: false },
      entry: byId.json(),
    });
  });

  it('pins a new account where nothing is said, and keeps one unpinned or pinned where nothing is said of it', async () => {
    expect((await put()).json()).toMatchObject({ account: { pinned: true, also: [] } });
    await put({ pinned: false, also: ['us'] });
    const moved = await put({ region: 'us', overwrite: true });
    expect(moved.json()).toMatchObject({ result: 'changed', account: { region: 'us', pinned: false, also: [] } });
  });

  it('answers 409 for an account in another region, and writes nothing without overwrite', async () => {
    await put();
    const refused = await put({ region: 'us' });
    expect([refused.status, refused.json().error]).toEqual([409, 'lives_elsewhere']);
    expect((await lab.desk.show(NAME)).entry?.region).toBe('eu');
    expect((await put({ region: 'us', overwrite: true })).status).toBe(200);
    expect((await lab.desk.show(NAME)).entry?.region).toBe('us');
  });

  it('answers 422 for a region that is not configured', async () => {
    const reply = await put({ region: 'mars' });
    expect([reply.status, reply.json().error]).toEqual([422, 'unknown_region']);
  });

  it('lists every entry once, page by page', async () => {
    for (let i = 0; i < 7; i++) await put({ account: `user${i}@corp.example` });
    const seen: string[] = [];
    let after: string | null = null;
    let pages = 0;
    do {
      const query: string = after === null ? '' : `&after=${encodeURIComponent(after)}`;
      const page = (await lab.ask('GET', `/admin/v1/accounts?limit=3${query}`)).json();
      seen.push(...(page.accounts as { id: string }[]).map(({ id }) => id));
      after = page.next as string | null;
      pages++;
    } while (after !== null && pages < 10);
    expect(new Set(seen).size).toBe(7);
    expect(seen).toHaveLength(7);
    const ids = (await lab.desk.list(undefined, 100)).accounts.map(({ id }) => id);
    expect(seen.toSorted()).toEqual(ids.toSorted());
  });

  it('removes by name and by id, and answers 404 where nothing is', async () => {
    await put();
    expect((await lab.ask('POST', '/admin/v1/accounts/remove', { account: NAME })).json()).toEqual({
      result: 'removed',
    });
    const again = await lab.ask('POST', '/admin/v1/accounts/remove', { account: NAME });
    expect([again.status, again.json().error]).toEqual([404, 'not_found']);
    await put();
    const id = await idOf();
    expect((await lab.ask('DELETE', `/admin/v1/accounts/${id}`)).status).toBe(200);
    expect((await lab.ask('DELETE', `/admin/v1/accounts/${id}`)).status).toBe(404);
    expect((await lab.ask('GET', `/admin/v1/accounts/${id}`)).status).toBe(404);
    expect(await lab.desk.count()).toBe(0);
  });
});

describe('moves', () => {
  const move = (more: Record<string, unknown> = {}) =>
    lab.ask('POST', '/admin/v1/moves', { account: NAME, to: 'us', ...more });

  it('asks for keep_old where a pinned account would lose what it made, and moves nothing', async () => {
    await put({ pinned: true });
    const reply = await move();
    expect([reply.status, reply.json().error]).toEqual([422, 'keep_old_required']);
    expect(await lab.desk.moves()).toEqual([]);
  });

  it('begins one with 202, joins it, refuses another, shows and aborts it', async () => {
    await put();
    const begun = await move({ keep_old: true });
    expect([begun.status, begun.json().begun]).toEqual([202, true]);
    expect(begun.json().account).toMatchObject({
      region: 'eu',
      move: { from: 'eu', to: 'us', phase: 'frozen', keep_old: true },
    });
    expect((await move({ keep_old: true })).json().begun).toBe(false);
    const other = await move({ keep_old: false });
    expect([other.status, other.json().error]).toEqual([409, 'conflict']);

    const id = await idOf();
    expect((await lab.ask('GET', '/admin/v1/moves')).json()).toEqual({ moves: [begun.json().account] });
    expect((await lab.ask('GET', `/admin/v1/moves/${id}`)).json()).toEqual(begun.json().account);
    for (const reply of [
      await put({ also: ['us'] }),
      await lab.ask('DELETE', `/admin/v1/accounts/${id}`),
      await lab.ask('POST', '/admin/v1/accounts/remove', { account: NAME }),
    ]) {
      expect([reply.status, reply.json().error]).toEqual([409, 'being_moved']);
    }
    expect((await lab.ask('DELETE', `/admin/v1/moves/${id}`)).json()).toEqual({ result: 'aborted' });
    expect((await lab.ask('DELETE', `/admin/v1/moves/${id}`)).status).toBe(404);
    expect((await lab.ask('GET', `/admin/v1/moves/${id}`)).status).toBe(404);
  });

  it('answers 409 too_late when it is to be aborted after cutover', async () => {
    await put();
    await move({ keep_old: false });
    const id = await idOf();
    await lab.desk.advance(id);
    expect((await lab.desk.find(id))?.move?.phase).toBe('cutover');
    const reply = await lab.ask('DELETE', `/admin/v1/moves/${id}`);
    expect([reply.status, reply.json().error]).toEqual([409, 'too_late']);
    expect((await lab.desk.find(id))?.region).toBe('us');
  });

  it('answers 404 for an account that nobody knows', async () => {
    expect((await move({ keep_old: true })).status).toBe(404);
  });
});

describe('regions', () => {
  it('are drained and put back, and say whether that changed anything', async () => {
    const drain = (what: string) => lab.ask('POST', `/admin/v1/regions/eu/${what}`);
    expect((await drain('drain')).json()).toEqual({ name: 'eu', drained: true, changed: true });
    expect((await drain('drain')).json()).toEqual({ name: 'eu', drained: true, changed: false });
    const { regions } = (await lab.ask('GET', '/admin/v1/regions')).json();
    const about = { up: true, breaker: 'closed', failures: 0 };
    expect(regions).toEqual([
      { name: 'us', ...about, drained: false },
      { name: 'eu', ...about, drained: true },
    ]);
    expect((await drain('undrain')).json()).toEqual({ name: 'eu', drained: false, changed: true });
  });

  it('that are not configured are 404, and a body with Content-Type but without a byte is none', async () => {
    expect((await lab.ask('POST', '/admin/v1/regions/mars/drain')).status).toBe(404);
    expect((await lab.ask('POST', '/admin/v1/regions/eu/drain', '')).status).toBe(200);
    expect((await lab.ask('POST', '/admin/v1/regions/eu/drain', { yes: true })).status).toBe(400);
  });
});

describe('looking', () => {
  it('refuses what is no cursor, and a page of no entries, with a sentence', async () => {
    const cursor = await lab.ask('GET', '/admin/v1/accounts?after=zz');
    expect([cursor.status, cursor.json()]).toMatchObject([400, { error: 'malformed' }]);
    const none = await lab.ask('GET', '/admin/v1/accounts?limit=0');
    expect([none.status, none.json().message]).toEqual([400, 'limit: found less, expected at least 1.']);
  });

  it('finds where a key is held, by the key and by its hash', async () => {
    const hash = hashOfKey(KEY).toString('hex');
    const byKey = await lab.ask('POST', '/admin/v1/keys/lookup', { key: KEY });
    expect(byKey.json()).toMatchObject({ found: true, hash, region: 'eu', kind: 'secret', owner: null });
    expect((await lab.ask('POST', '/admin/v1/keys/lookup', { hash })).json()).toEqual(byKey.json());
    expect(byKey.body).not.toContain(KEY);
    const missing = await lab.ask('POST', '/admin/v1/keys/lookup', { key: 'no-such-key-0123456789' });
    expect([missing.status, missing.json()]).toEqual([200, { found: false }]);
    for (const body of [{}, { key: KEY, hash }]) {
      expect((await lab.ask('POST', '/admin/v1/keys/lookup', body)).json().message).toBe(
        'the body: found an object, expected either key or hash.',
      );
    }
  });

  it('shows events newest first, page by page, with the token’s name as the actor', async () => {
    await put();
    await lab.ask('POST', '/admin/v1/regions/eu/drain');
    await lab.ask('DELETE', `/admin/v1/accounts/${await idOf()}`);
    const first = (await lab.ask('GET', '/admin/v1/events?limit=2')).json();
    const events = first.events as Record<string, unknown>[];
    const id = HASH('directory-account', NAME).toString('hex');
    expect(events.map(({ what, account, actor }) => [what, account, actor])).toEqual([
      ['account_removed', id, 'token:deploy'],
      ['region_drained', null, 'token:deploy'],
    ]);
    const rest = (await lab.ask('GET', `/admin/v1/events?limit=5&before=${first.next}`)).json();
    expect((rest.events as Record<string, unknown>[]).map(({ what }) => what)).toEqual([
      'account_added',
      'initialised',
    ]);
    expect(rest.next).toBe(null);
  });

  it('shows leases of gateways and the store’s mark', async () => {
    const lease = { gateway: 'ab'.repeat(8), label: 'here:8080', seen: 1, leaseMs: 60_000 };
    await lab.store.directory.follow(lease, await lab.desk.mark());
    const { gateways } = (await lab.ask('GET', '/admin/v1/gateways')).json() as { gateways: Record<string, unknown>[] };
    expect(gateways).toMatchObject([{ gateway: lease.gateway, label: lease.label, seen: 1 }]);
    const mark = await lab.desk.mark();
    expect((await lab.ask('GET', '/admin/v1/store')).json()).toMatchObject({
      engine: 'sqlite',
      up: true,
      mark: { kind: 'found', ...mark },
    });
  });
});

describe('a store in trouble', () => {
  it('without a mark is 503 with the way out, and told by GET /store', async () => {
    await lab.close();
    const cause = new MarkMissingError();
    const directory: Partial<DirectoryStore> = {
      mark: async () => undefined,
      put: () => Promise.reject(cause),
      findAccount: () => ({ kind: 'unavailable', cause }),
    };
    lab = await openAdminLab({ directory });
    const reply = await put();
    expect([reply.status, reply.json().error]).toEqual([503, 'unavailable']);
    expect(reply.headers['retry-after']).toBe('1');
    expect(reply.json().message).toContain('store init');
    const { status, json } = await lab.ask('GET', '/admin/v1/store');
    expect([status, json().mark]).toEqual([200, { kind: 'missing' }]);
  });

  it('that is away is 503 on every route that asks it, and told by GET /store', async () => {
    await lab.store.close();
    for (const [method, path, body] of [
      ['GET', '/accounts'],
      ['GET', '/moves'],
      ['GET', '/events'],
      ['GET', '/gateways'],
      ['POST', '/accounts', { account: NAME, region: 'eu' }],
      ['POST', '/regions/eu/drain'],
      ['POST', '/keys/lookup', { key: KEY }],
    ] as const) {
      const reply = await lab.ask(method, `/admin/v1${path}`, body);
      expect([path, reply.status]).toEqual([path, 503]);
    }
    const store = await lab.ask('GET', '/admin/v1/store');
    expect(store.json()).toMatchObject({ up: false, mark: { kind: 'unavailable' } });
  });
});
