// Every example of the reference is run as it stands, by curl in a shell, against the gateway before both releases of the
// service; and what the gateway refuses is as documented.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiDocument } from '../../src/reference/types.ts';
import { ALICE, type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { run } from '../support/process.ts';
import { operationsOf, type Placed, problemsOf, responseOf } from './support.ts';

const hasCurl = needs('curl', 'apt-get install curl');

async function documentOfLab(lab: Lab): Promise<ApiDocument> {
  return JSON.parse((await lab.call('GET', '/openapi.json')).body);
}

interface Answered {
  readonly status: number;
  readonly body: string;
}

/** Runs a command as a reader would, with what stands in capitals filled in. */
async function paste(source: string, lab: Lab): Promise<Answered> {
  const { secret, metadata } = await lab.create({ as: ALICE });
  const line = source
    .replace('NAME:TOKEN', ALICE)
    .replace('SECRET_KEY', secret)
    .replace('METADATA_KEY', metadata)
    .replace(/^curl /, "curl --silent --show-error --write-out '\\n%{http_code}' ");
  const { code, stdout, stderr } = await run('bash', ['-c', line], { env: { GATEWAY: lab.gateway.url } });
  expect([source, code, stderr]).toEqual([source, 0, '']);
  const end = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) };
}

/** Of the other release, by what the service itself answers. */
const NOT_THERE: Readonly<Record<'0.20' | '0.26', RegExp>> = {
  '0.20': /receipt|^v2\.secret\.status$|^v1\.metadata\.burn$/,
  '0.26': /^v1\.create$/,
};

describe.runIf(hasCurl).each(['0.20', '0.26'] as const)('the examples, before release %s', (version) => {
  let lab: Lab;
  let document: ApiDocument;
  beforeAll(async () => {
    lab = await openLab({ twins: { version } });
    document = await documentOfLab(lab);
  });
  afterAll(() => lab.close());

  it('are answered well and as documented', async () => {
    const operations = operationsOf(document);
    expect(operations.length).toBeGreaterThan(35);
    for (const { id, path, operation } of operations) {
      const { status, body } = await paste(operation['x-codeSamples'][0]?.source ?? '', lab);
      const good = NOT_THERE[version].test(id) ? [404, 502] : path.startsWith('/secret/') ? [302] : [200];
      expect([id, status]).toEqual([id, expect.toSatisfy((one: number) => good.includes(one))]);
      if (path === '/docs' || path.startsWith('/secret/')) continue;
      const response = responseOf(document, operation, status);
      expect([id, status, problemsOf(document, response, JSON.parse(body))]).toEqual([id, status, []]);
    }
  });
});

describe('what goes wrong', () => {
  let lab: Lab;
  let operations: Placed[];
  let document: ApiDocument;
  beforeAll(async () => {
    lab = await openLab();
    document = await documentOfLab(lab);
    operations = operationsOf(document).filter(({ path }) => path.startsWith('/api/'));
  });
  afterAll(() => lab.close());

  const KEY = 'k'.repeat(31);
  const CASES: readonly (readonly [string, (path: string) => Parameters<Lab['call']>[2] & { path?: string }])[] = [
    ['without credentials or a region', () => ({})],
    ['with a wrong token', () => ({ as: 'alice@us.example:wrong' })],
    ['as an account that nobody knows', () => ({ as: 'nobody@nowhere.example:token' })],
    ['with credentials that are none', () => ({ headers: { authorization: 'Basic ???' } })],
    ['with credentials twice', () => ({ headers: { authorization: ['Basic Og==', 'Basic Og=='] } })],
    ['in a region that there is none', () => ({ as: ALICE, headers: { 'onetime-region': 'mars' } })],
    ['in two regions', (path) => ({ as: ALICE, path: `/us${path}`, headers: { 'onetime-region': 'eu' } })],
    ['of a pinned account elsewhere', () => ({ as: ALICE, headers: { 'onetime-region': 'eu' } })],
    ['with a key that is none', (path) => ({ as: ALICE, path: path.replace(KEY, 'short') })],
    ['with an odd key', (path) => ({ as: ALICE, path: path.replace(KEY, `${KEY}.`) })],
    ['with a short Idempotency-Key', () => ({ as: ALICE, headers: { 'idempotency-key': 'short' } })],
    ['with a body that is too large', () => ({ as: ALICE, body: 'x'.repeat(2 * 1024 * 1024 + 1) })],
    ['that would consume', (path) => ({ as: ALICE, path: `${path}?continue=true` })],
    ['with a secret that is unknown', () => ({ as: ALICE, body: 'passphrase=x' })],
  ];

  it.each(CASES)('is documented of a call %s', async (_, make) => {
    const seen = new Set<string>();
    for (const { id, method, path, operation } of operations) {
      const target = path.replace('{key}', KEY);
      const { path: changed = target, ...options } = make(target);
      const { status, body } = await lab.call(method, changed, options);
      const response = responseOf(document, operation, status);
      const answer = JSON.parse(body);
      expect([id, status, problemsOf(document, response, answer)]).toEqual([id, status, []]);
      if (typeof answer.outcome !== 'string') continue;
      seen.add(answer.error);
      expect(Object.keys(operation.responses), id).toContain(String(status));
      expect([id, Object.keys(response?.content?.['application/json']?.examples ?? {})]).toEqual([
        id,
        expect.arrayContaining([answer.error]),
      ]);
    }
    if (_ !== 'with a secret that is unknown') expect(seen.size).toBeGreaterThan(0);
  });
});
