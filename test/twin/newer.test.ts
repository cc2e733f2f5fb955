// The 0.26 switch: what UPSTREAM.md says of the newer service, of which nothing was recorded.
import { afterEach, describe, expect, it } from 'vitest';
import { DEMO_ACCOUNTS, startTwin, type Twin, type TwinOptions } from '../../src/twin/twin.ts';
import { type Ask, ask } from './client.ts';

const open: Twin[] = [];
const ALICE = 'alice@us.example:a11ce000000000000000000000000000000000us';
const ALICE_BY_ID = 'uralice00000000000000000000:a11ce000000000000000000000000000000000us';

async function start(options: Partial<TwinOptions> = {}) {
  const twin = await startTwin({ region: 'us', version: '0.26', accounts: DEMO_ACCOUNTS.us, ...options });
  open.push(twin);
  return (path: string, how?: Ask) => ask(twin.url, path, how);
}

afterEach(async () => {
  for (const twin of open.splice(0)) await twin.close();
});

const JSON_TYPE = { 'Content-Type': 'application/json' };

describe('version 1', () => {
  it('makes keys of 62 characters and understands JSON', async () => {
    const call = await start();
    const { json } = await call('/api/v1/share', { body: '{"secret":"hello","ttl":3600}', headers: JSON_TYPE });
    expect(json.secret_key).toMatch(/^[0-9a-z]{62}$/);
    expect(json.metadata_key).toMatch(/^[0-9a-z]{62}$/);
    expect(json.secret_ttl).toBe(3600);
  });

  it('reads flat fields at /create', async () => {
    const call = await start();
    const { json } = await call('/api/v1/create', { body: 'secret=hello' });
    expect((await call(`/api/v1/secret/${json.secret_key}`)).json.value).toBe('hello');
  });

  it('says in a header which status it means, and sends no shrimp', async () => {
    const call = await start();
    const invalid = await call('/api/v1/share', { body: 'secret=' });
    expect(invalid.status).toBe(404);
    expect(invalid.headers.get('x-ots-intended-status')).toBe('400');
    expect(invalid.json).toEqual({ message: 'You did not provide anything to share' });
    const anonymous = await call('/api/v1/authcheck', { method: 'GET' });
    expect(anonymous.status).toBe(404);
    expect(anonymous.headers.get('x-ots-intended-status')).toBe('401');
  });

  it('turns values of more than 10,000 characters away', async () => {
    const call = await start();
    expect((await call('/api/v1/share', { body: `secret=${'x'.repeat(10_000)}` })).status).toBe(200);
    expect((await call('/api/v1/share', { body: `secret=${'x'.repeat(10_001)}` })).status).toBe(404);
  });

  it('takes an id as the user name', async () => {
    const call = await start();
    expect((await call('/api/v1/authcheck', { method: 'GET', as: ALICE_BY_ID })).status).toBe(200);
    expect((await call('/api/v1/authcheck', { method: 'GET', as: 'alice@us.example:wrong' })).status).toBe(404);
  });

  it('shows the value of a generated secret with its metadata once, and never that of another', async () => {
    const call = await start();
    const shared = await call('/api/v1/share', { body: 'secret=hello' });
    expect((await call(`/api/v1/private/${shared.json.metadata_key}`)).json).not.toHaveProperty('value');
    const generated = await call('/api/v1/generate');
    const path = `/api/v1/private/${generated.json.metadata_key}`;
    expect((await call(path)).json.value).toBe(generated.json.value);
    expect((await call(path)).json).not.toHaveProperty('value');
  });

  it("puts the secret's key into recent as secret_identifier", async () => {
    const call = await start();
    const { json } = await call('/api/v1/share', { body: 'secret=hello', as: ALICE });
    for (const path of ['/api/v1/private/recent', '/api/v1/receipt/recent', '/api/v1/metadata/recent']) {
      const [row] = JSON.parse((await call(path, { method: 'GET', as: ALICE })).text);
      expect(row).not.toHaveProperty('secret_key');
      expect(row.secret_identifier).toBe(json.secret_key);
    }
  });

  it('burns under every name, also where the path is odd', async () => {
    const call = await start();
    for (const path of [
      'private/KEY/burn',
      'metadata/KEY/burn',
      'receipt/KEY/burn/',
      '/receipt//KEY/bur%6e',
      'private/KEY./burn',
    ]) {
      const { json } = await call('/api/v1/share', { body: 'secret=hello' });
      const burned = await call(`/api/v1/${path.replace('KEY', String(json.metadata_key))}`);
      expect([path, burned.status]).toEqual([path, 200]);
      expect(burned.json.secret_shortkey).toBe(String(json.secret_key).slice(0, 8));
    }
  });

  it('builds links from what a proxy says about the host', async () => {
    const call = await start();
    const own = await call('/api/v1/share', { body: 'secret=hello' });
    expect(own.json.metadata_url).toBe(`https://us.onetimesecret.com/private/${own.json.metadata_key}`);
    const foreign = await call('/api/v1/share', {
      body: 'secret=hello',
      headers: { 'X-Forwarded-Host': 'gw.example' },
    });
    expect(foreign.json.metadata_url).toMatch(/^https:\/\/gw\.example\//);
  });

  it('locks a secret after 20 wrong passphrases for 30 minutes, also for the right one', async () => {
    let nowMs = 1_795_388_881_000;
    const call = await start({ limits: 'shipped', now: () => nowMs });
    const { json } = await call('/api/v1/share', { body: 'secret=hello&passphrase=right' });
    const path = `/api/v1/secret/${json.secret_key}`;
    for (let count = 0; count < 20; count += 1) {
      expect((await call(path, { body: 'passphrase=wrong' })).json.message).toBe('Unknown secret');
    }
    const locked = await call(path, { body: 'passphrase=right' });
    expect(locked.json).toEqual({ message: 'Rate limit exceeded. Please try again later.' });
    nowMs += 30 * 60_000;
    expect((await call(path, { body: 'passphrase=right' })).json.value).toBe('hello');
  });
});

describe('version 2', () => {
  it('answers status of a secret without touching it, and reveals it once', async () => {
    const call = await start();
    const made = await call('/api/v2/secret/conceal', { body: '{"secret":{"secret":"hello"}}', headers: JSON_TYPE });
    const key = /"secret":\{"identifier":"([0-9a-z]{62})"/.exec(made.text)?.[1];
    const status = await call(`/api/v2/secret/${key}/status`, { method: 'GET' });
    expect(status.json.record).toMatchObject({ state: 'new' });
    expect((await call(`/api/v2/secret/${key}`, { method: 'GET' })).json.record).toMatchObject({ state: 'new' });
    const how = { body: '{"continue":true}', headers: JSON_TYPE };
    const revealed = await call(`/api/v2/secret/${key}/reveal`, how);
    expect(revealed.json.record).toMatchObject({ secret_value: 'hello' });
    expect((await call(`/api/v2/secret/${key}/reveal`, how)).status).toBe(404);
  });

  it('answers 401 to bad credentials', async () => {
    const call = await start();
    expect((await call('/api/v2/receipt/recent', { method: 'GET', as: 'alice@us.example:wrong' })).status).toBe(401);
    expect((await call('/api/v2/receipt/recent', { method: 'GET', as: ALICE })).status).toBe(200);
  });

  it('does not have what only 0.26 has under 0.20', async () => {
    const call = await start({ version: '0.20' });
    for (const path of [
      '/api/v2/receipt/recent',
      '/api/v1/receipt/recent',
      `/api/v2/secret/${'a'.repeat(31)}/status`,
    ]) {
      expect((await call(path, { method: 'GET', as: ALICE })).status).toBe(404);
    }
  });
});
