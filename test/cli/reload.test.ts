// A served gateway is told to read its file again, in every way there is, at any time of its life.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { openHeldRegion } from '../support/held-region.ts';
import { call, type Reply } from '../support/http.ts';
import { until } from '../support/redis.ts';
import { type LogLine, openServed, type Served, type ServedOptions } from '../workers/served.ts';

const PRELOAD = fileURLToPath(new URL('hangup.preload.ts', import.meta.url));
const TOKEN = `otga_${'w'.repeat(43)}`;
const HASH = `sha256:${createHash('sha256').update(TOKEN).digest('hex')}`;
const ADMIN = { host: '127.0.0.1', port: 0, tokens: [{ name: 'deploy', role: 'write', hash: HASH }] };

let served: Served | undefined;
afterEach(async () => {
  await served?.[Symbol.asyncDispose]();
  served = undefined;
});

async function open({ config, ...options }: Partial<ServedOptions> = {}): Promise<Served> {
  const own = { admin: ADMIN, reload: { watch: false }, ...config };
  served = await openServed({ workers: 1, ...options, config: own });
  return served;
}

const reloads = (from: Served): LogLine[] => from.log().filter(({ msg }) => /reload/.test(String(msg)));

/** The file's text with these sections. */
function textWith(from: Served, sections: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...(JSON.parse(readFileSync(from.file, 'utf8')) as object), ...sections });
}

/** What the log says of the next one after `cause`. */
async function heard(from: Served, cause: () => unknown): Promise<LogLine | undefined> {
  const before = reloads(from).length;
  cause();
  await until(() => reloads(from).length > before);
  return reloads(from).at(-1);
}

function admin(from: Served, method: string, path: string, token = TOKEN): Promise<Reply> {
  return call(from.adminUrl, method, `/admin/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
}

const status = async (from: Served): Promise<number> => (await from.call('GET', '/us/api/v1/status')).status;

it('SIGHUP reads it again; what cannot be read is refused, and all stays as it was', async () => {
  const from = await open();
  const good = textWith(from, { errors: 'verbatim' });
  const signal = (): void => from.process.kill('SIGHUP');
  const refused = async (change: () => void): Promise<unknown> => {
    change();
    const line = await heard(from, signal);
    expect(line).toMatchObject({ level: 50, msg: 'reload refused', actor: 'signal' });
    expect(await status(from)).toBe(200);
    return String(line?.problems);
  };
  expect(await refused(() => rmSync(from.file))).toMatch(/:1:1: expected a configuration file$/);
  expect(await refused(() => mkdirSync(from.file))).toMatch(/expected a configuration file$/);
  rmSync(from.file, { recursive: true });
  // Whoever opened it would wait for somebody who writes.
  expect(await refused(() => execFileSync('mkfifo', [from.file]))).toMatch(/expected a regular file/);
  rmSync(from.file);
  expect(await refused(() => writeFileSync(from.file, ''))).toMatch(/expected a configuration/);
  expect(await refused(() => writeFileSync(from.file, good.slice(0, 200)))).toMatch(/expected valid YAML/);
  expect(await from.metric('onetime_gateway_config_reloads_total{result="refused"}')).toBe(5);
  expect(await from.metric('onetime_gateway_config_last_reload_successful')).toBe(0);
  writeFileSync(from.file, good);
  expect(await heard(from, signal)).toMatchObject({ msg: 'reloaded', changed: ['errors'] });
  expect(await heard(from, signal)).toMatchObject({ msg: 'nothing to reload' });
  expect((await from.stop('SIGTERM')).code).toBe(0);
});

it('one that came before the gateway listens neither ends it nor gets lost', async () => {
  const from = await open({ env: { NODE_OPTIONS: `--import ${PRELOAD}` } });
  await until(() => reloads(from).length === 1);
  expect(reloads(from)).toMatchObject([{ msg: 'nothing to reload', actor: 'signal' }]);
  expect(await status(from)).toBe(200);
});

it.each([1, 2])('SIGHUP while %s threads drain ends nothing, and applies nothing', async (workers) => {
  await using region = await openHeldRegion();
  const from = await open({ workers, upstreams: { us: region.url } });
  const reply = from.call('POST', '/us/api/v1/share', { body: 'secret=held&ttl=600' });
  await region.first;
  writeFileSync(from.file, textWith(from, { errors: 'verbatim' }));
  from.process.kill('SIGTERM');
  await from.process.line(/"msg":"draining"/);
  expect(await heard(from, () => from.process.kill('SIGHUP'))).toMatchObject({
    msg: 'reload refused',
    problems: ['The gateway is ending; nothing was applied.'],
  });
  region.release();
  expect((await reply).status).toBe(200);
  expect(await from.process.exited).toEqual({ code: 0, signal: null });
  expect(region.received).toHaveLength(1);
});

it('a file that is replaced is read by itself, again after it was wrong', async () => {
  const from = await open({ config: { reload: { watch: true } } });
  const replace = (text: string) => (): void => {
    writeFileSync(`${from.file}.new`, text);
    renameSync(`${from.file}.new`, from.file);
  };
  const next = textWith(from, { log: { level: 'debug' } });
  expect(await heard(from, replace('regions: {}'))).toMatchObject({ msg: 'reload refused', actor: 'file' });
  expect(await heard(from, replace(next))).toMatchObject({ msg: 'reloaded', actor: 'file', changed: ['log.level'] });
  expect((await admin(from, 'GET', '/log-level')).json()).toMatchObject({ level: 'debug' });
});

it('operators are told what changed, what needs a restart and what is wrong', async () => {
  const from = await open();
  const post = async (sections: Readonly<Record<string, unknown>>): Promise<Reply> => {
    writeFileSync(from.file, textWith(from, sections));
    return admin(from, 'POST', '/reload');
  };
  expect((await admin(from, 'POST', '/reload', TOKEN.replace('w', 'x'))).status).toBe(401);
  expect((await post({ errors: 'verbatim' })).json()).toMatchObject({
    result: 'applied',
    actor: 'token:deploy',
    changed: ['errors'],
  });
  const fixed = await post({ errors: 'accurate', workers: 2 });
  expect([fixed.status, JSON.stringify(fixed.json())]).toEqual([422, expect.stringContaining('workers cannot change')]);
  expect((await admin(from, 'GET', '/reload')).json()).toMatchObject({
    last: { result: 'refused', needsRestart: ['workers'] },
  });
  const rules = [{ account: 'ann@corp.example', region: 'canary' }];
  const wrong = await post({ workers: 1, accounts: { rules } });
  expect([wrong.status, wrong.body]).toEqual([422, expect.stringContaining('accounts.rules[0].region')]);
  await until(() => from.process.output().includes('accounts.rules[0].region'));
  expect(from.process.output()).not.toContain('canary');
  const values = (await admin(from, 'GET', '/config')).json().values as { key: string; value: string }[];
  expect(values.find(({ key }) => key === 'errors')?.value).toBe('verbatim');
});

it('several requests for a reload at once are done in turn', async () => {
  const from = await open({ workers: 2 });
  writeFileSync(from.file, textWith(from, { errors: 'verbatim' }));
  const replies = await Promise.all(Array.from({ length: 5 }, () => admin(from, 'POST', '/reload')));
  const results = replies.map((reply) => reply.json().result).toSorted();
  expect(results).toEqual(['applied', 'unchanged', 'unchanged', 'unchanged', 'unchanged']);
});
