// Callers of HTTP/2 keep their connections for long: nothing of what crossed one stays in memory with it.
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { DEMO_ACCOUNTS } from '../../src/twin/accounts.ts';
import { startTwin } from '../../src/twin/twin.ts';
import { hasOpenssl, openCertificates } from '../support/certificates.ts';
import { callStream } from '../support/http2.ts';
import { ALICE } from '../support/lab.ts';
import { startCli } from '../support/process.ts';
import { until } from '../support/redis.ts';

const PRELOAD = fileURLToPath(new URL('hygiene.preload.ts', import.meta.url));
const CANARIES = [
  'canarykeycanarykeycanarykeycan2',
  'canarypathx',
  'canaryqueryx',
  'canarybodyx',
  'canaryheaderx',
  'canarytokenx',
];
const [KEY, PATH, QUERY, BODY, HEADER, TOKEN] = CANARIES;

it.runIf(hasOpenssl)(
  'a connection that goes on has no header, path, body, token or answer of its requests',
  async () => {
    const us = await startTwin({ region: 'us', accounts: DEMO_ACCOUNTS.us });
    using files = openCertificates();
    files.authority('authority');
    files.issue('gateway', 'localhost', 'authority');
    const config = {
      listen: { host: '127.0.0.1', port: 0, tls: { cert: 'gateway.pem', key: 'gateway.key' } },
      admin: { host: '127.0.0.1', port: 0 },
      regions: { us: { upstreams: [us.url] } },
      accounts: { rules: [{ domain: 'us.example', region: 'us' }] },
      workers: 1,
      store: 'sqlite::memory:',
      audit: { file: null },
      reload: { watch: false },
    };
    await using running = await startCli(['serve', '--config', files.write('g.yaml', JSON.stringify(config))], {
      env: { NODE_OPTIONS: `--import ${PRELOAD}`, HYGIENE_FOLDER: files.path },
    });
    const [, url = ''] = await running.line(/"url":"([^"]+)"/);
    const session = connect(url, { ca: files.read('authority.pem'), servername: 'localhost' });
    const headers = { 'user-agent': `${HEADER}`, cookie: [`a=${HEADER}`, `b=${HEADER}`], 'x-own': `${HEADER}` };
    const ask = (method: string, path: string, as?: string, body?: string) =>
      callStream(session, method, path, { headers, ...(as && { as }), ...(body && { body }) });

    const made = await ask('POST', `/api/v1/share?x=${QUERY}`, ALICE, `secret=${BODY}`);
    const read = await ask('POST', `/us/api/v1/secret/${made.json().secret_key}`, undefined, 'passphrase=');
    expect(read.body).toContain(BODY);
    await ask('GET', `/api/v1/private/${KEY}`, ALICE);
    await ask('GET', '/api/v1/private/recent', `${ALICE}${TOKEN}`);
    await ask('POST', `/${PATH}/${KEY}?${QUERY}`, ALICE, `secret=${BODY}`);
    expect((await ask('GET', '/us/api/v1/status')).status).toBe(200);
    expect(session.closed).toBe(false);
    expect(session.remoteSettings.headerTableSize).toBe(0);

    files.write('heap', '');
    await until(() => readdirSync(files.path).includes('heap.done'));
    const heap = readFileSync(`${files.path}/heap.done`, 'utf8');
    session.destroy();
    await us.close();
    expect(heap).toContain('control-of-the-heap');
    expect(CANARIES.filter((canary) => heap.includes(canary))).toEqual([]);
    expect(CANARIES.filter((canary) => running.output().includes(canary))).toEqual([]);
  },
);
