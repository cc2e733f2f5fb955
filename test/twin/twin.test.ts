// The twin's own promises beyond the recordings: ledger, faults, clock, removed secrets.
import { afterEach, describe, expect, it } from 'vitest';
import { DEMO_ACCOUNTS, startTwin, type Twin, type TwinOptions } from '../../src/twin/twin.ts';
import { send } from '../contract/wire.ts';
import { ask } from './client.ts';

const open: Twin[] = [];

async function start(options: Partial<TwinOptions> = {}): Promise<Twin> {
  const twin = await startTwin({ region: 'us', accounts: DEMO_ACCOUNTS.us, ...options });
  open.push(twin);
  return twin;
}

afterEach(async () => {
  for (const twin of open.splice(0)) await twin.close();
});

const ALICE = 'alice@us.example:a11ce000000000000000000000000000000000us';

async function share(twin: Twin, body = 'secret=hello&ttl=3600', as?: string) {
  const { json } = await ask(twin.url, '/api/v1/share', { body, ...(as === undefined ? {} : { as }) });
  return { secretKey: String(json.secret_key), metadataKey: String(json.metadata_key) };
}

describe('ledger', () => {
  it('shows what was sent: raw path, names of headers as sent, body, status', async () => {
    const twin = await start({ now: () => 1_000_000 });
    await send(twin.port, {
      method: 'POST',
      path: '/api/v1/share?ttl=%36%30',
      headers: ['HOST: x', 'x-Odd: 1', 'X-ODD: 2', 'Content-Length: 12'],
      body: Buffer.from('secret=hello'),
    });
    expect(twin.requests).toEqual([
      {
        method: 'POST',
        path: '/api/v1/share?ttl=%36%30',
        headers: [
          ['HOST', 'x'],
          ['x-Odd', '1'],
          ['X-ODD', '2'],
          ['Content-Length', '12'],
        ],
        body: 'secret=hello',
        atMs: 1_000_000,
        status: 200,
      },
    ]);
    twin.clearLedger();
    expect(twin.requests).toEqual([]);
  });

  it('keeps only as many rows as it was told', async () => {
    const twin = await start({ ledgerRows: 2 });
    for (const path of ['/api/v1/a', '/api/v1/b', '/api/v1/c', '/api/v1/d', '/api/v1/e']) {
      await ask(twin.url, path, { method: 'GET' });
    }
    expect(twin.requests.map((row) => row.path)).toEqual(['/api/v1/d', '/api/v1/e']);
  });

  it('has no row for a request whose body never came whole', async () => {
    const twin = await start();
    const { secretKey } = await share(twin);
    twin.clearLedger();
    const half = send(twin.port, {
      method: 'POST',
      path: `/api/v1/secret/${secretKey}`,
      headers: ['Host: x', 'Content-Length: 100'],
      body: Buffer.from('passphrase='),
    });
    half.catch(() => {});
    await ask(twin.url, '/api/v1/status', { method: 'GET' });
    expect(twin.requests.map((row) => row.path)).toEqual(['/api/v1/status']);
    expect(twin.secret(secretKey)).toEqual({ state: 'new', consumed: false });
    await twin.close();
    await expect(half).rejects.toThrow('connection closed');
  });
});

describe('chunked request bodies', () => {
  const chunked = (path: string) => ({
    method: 'POST',
    path,
    headers: ['Host: x', 'Transfer-Encoding: chunked', 'Content-Type: application/x-www-form-urlencoded'],
    body: Buffer.from('c\r\npassphrase=x\r\n0\r\n\r\n'),
  });

  it('refuses them, so that a gateway that sends them is noticed', async () => {
    const twin = await start();
    const { secretKey } = await share(twin);
    const answer = await send(twin.port, chunked(`/api/v1/secret/${secretKey}`), true);
    expect(answer.statusLine).toBe('HTTP/1.1 400 Bad Request');
    expect(answer.headers).toContain('Connection: close');
    expect(twin.secret(secretKey)).toEqual({ state: 'new', consumed: false });
    expect(twin.requests.at(-1)).toMatchObject({ status: 400, body: 'passphrase=x' });
  });

  it('misreads them as 0.20 does when asked to: the body is the next request, and makes no sense', async () => {
    const twin = await start({ chunked: 'misread' });
    const { secretKey } = await share(twin);
    const answer = await send(twin.port, chunked(`/api/v1/secret/${secretKey}`), true);
    expect(answer.statusLine).toBe('HTTP/1.1 200 OK');
    expect(answer.rest).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(twin.secret(secretKey)).toEqual({ state: 'received', consumed: true });
  });
});

describe('removeSecret', () => {
  it('leaves metadata viewed and without a key when the secret is lost', async () => {
    const twin = await start();
    const { secretKey, metadataKey } = await share(twin);
    twin.removeSecret(secretKey, 'orphan');
    expect(twin.secret(secretKey)).toEqual({ state: 'orphaned', consumed: false });
    const { json } = await ask(twin.url, `/api/v1/private/${metadataKey}`);
    expect(json).toMatchObject({ state: 'viewed', secret_key: '', secret_ttl: null });
    expect((await ask(twin.url, `/api/v1/secret/${secretKey}`)).json.message).toBe('Unknown secret');
  });

  it('takes a metadata key, too, and lets the lifespan be over', async () => {
    const twin = await start();
    const { secretKey, metadataKey } = await share(twin);
    twin.removeSecret(metadataKey, 'expire');
    expect(twin.secret(secretKey)).toEqual({ state: 'expired', consumed: false });
    expect((await ask(twin.url, `/api/v1/private/${metadataKey}`)).json.state).toBe('expired');
  });

  it('throws for a key that it does not hold', async () => {
    const twin = await start();
    expect(() => twin.removeSecret('nothing', 'orphan')).toThrow('no such key');
  });
});

describe('clock', () => {
  it('forgets a secret after its ttl and its metadata after twice that', async () => {
    let nowMs = 1_795_388_881_000;
    const twin = await start({ now: () => nowMs });
    const { secretKey, metadataKey } = await share(twin, 'secret=hello&ttl=600');
    nowMs += 599_000;
    expect(twin.secret(secretKey)?.state).toBe('new');
    nowMs += 1_000;
    expect(twin.secret(secretKey)).toEqual({ state: 'expired', consumed: false });
    expect((await ask(twin.url, `/api/v1/secret/${secretKey}`)).json.message).toBe('Unknown secret');
    expect((await ask(twin.url, `/api/v1/private/${metadataKey}`)).json).toMatchObject({
      state: 'expired',
      metadata_ttl: 600,
    });
    nowMs += 600_000;
    expect((await ask(twin.url, `/api/v1/private/${metadataKey}`)).json.message).toBe('Unknown secret');
  });

  it('opens a new block of its limits after 20 minutes', async () => {
    let nowMs = 1_795_388_400_000;
    const twin = await start({ now: () => nowMs, limits: 'shipped' });
    const status = async () => (await ask(twin.url, '/api/v1/status', { method: 'GET' })).status;
    for (let call = 0; call < 25; call += 1) expect(await status()).toBe(200);
    expect(await status()).toBe(404);
    nowMs += 20 * 60_000;
    expect(await status()).toBe(200);
  });

  it('lists the newest first', async () => {
    let nowMs = 1_795_388_881_000;
    const twin = await start({ now: () => nowMs });
    const made: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      made.unshift((await share(twin, 'secret=hello', ALICE)).metadataKey);
      nowMs += 1000;
    }
    const { text } = await ask(twin.url, '/api/v1/private/recent', { method: 'GET', as: ALICE });
    expect(JSON.parse(text).map((row: { metadata_key: string }) => row.metadata_key)).toEqual(made);
  });
});

describe('respondNext', () => {
  it('answers what it is told once, without effect', async () => {
    const twin = await start();
    const { secretKey } = await share(twin);
    twin.respondNext({ status: 503, body: 'away', contentType: 'text/plain', headers: [['Retry-After', '1']] });
    const failed = await ask(twin.url, `/api/v1/secret/${secretKey}`);
    expect([failed.status, failed.text, failed.headers.get('retry-after')]).toEqual([503, 'away', '1']);
    expect(twin.secret(secretKey)).toEqual({ state: 'new', consumed: false });
    expect((await ask(twin.url, `/api/v1/secret/${secretKey}`)).json.value).toBe('hello');
  });

  it('resets the connection after the secret was consumed', async () => {
    const twin = await start();
    const { secretKey } = await share(twin);
    twin.respondNext({ status: 0, effect: 'after', reset: true });
    await expect(ask(twin.url, `/api/v1/secret/${secretKey}`)).rejects.toThrow();
    expect(twin.secret(secretKey)).toEqual({ state: 'received', consumed: true });
  });
});

it('ends a connection that still waits for its delayed answer when the twin is closed', async () => {
  const twin = await start({ delayMs: 60_000 });
  const waiting = ask(twin.url, '/api/v1/status', { method: 'GET' });
  waiting.catch(() => {});
  while (twin.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await twin.close();
  await expect(waiting).rejects.toThrow();
});
