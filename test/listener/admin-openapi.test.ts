// The document of the admin API: valid, complete, and the table of docs/admin-api.md beside it. That answers are as documented
// is checked by the lab, for every answer of every test.
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adminDocument } from '../../src/listener/admin-openapi.ts';
import { ADMIN_ROUTES } from '../../src/listener/admin-routes.ts';
import { SCHEMAS } from '../../src/listener/admin-schemas.ts';
import { GATEWAY_SCHEMAS } from '../../src/listener/admin-schemas-gateway.ts';
import { inCode, readDocument, rowsOf } from '../support/markdown.ts';
import { type AdminLab, KEY, NAME, openAdminLab, READER } from './admin-lab.ts';

interface Operation {
  readonly operationId: string;
  readonly 'x-role': string;
  readonly parameters: readonly { name: string; in: string; required: boolean; schema: Record<string, unknown> }[];
  readonly requestBody?: { required: boolean; content: Record<string, { schema: { $ref: string } }> };
  readonly responses: Record<string, unknown>;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
}

let lab: AdminLab;
beforeEach(async () => {
  lab = await openAdminLab();
});
afterEach(() => lab.close());

const document = adminDocument('1.2.3') as unknown as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

it('is a valid OpenAPI 3.1 document, served to readers', async () => {
  const reply = await lab.ask('GET', '/admin/v1/openapi.json', undefined, { authorization: `Bearer ${READER}` });
  expect([reply.status, reply.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
  const validator = new Validator();
  expect(await validator.validate(reply.json())).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
  expect(reply.json()).toEqual(JSON.parse(JSON.stringify(document)));
  const broken = { ...reply.json(), paths: { 'no-slash': {} } };
  expect((await new Validator().validate(broken)).valid).toBe(false);
});

it('tells of every route that the listener has, and of no other', () => {
  const served = [
    ...lab.app.printRoutes({ commonPrefix: false }).matchAll(/^[^a-z/]*(\/\S*|[\w.-]+\S*) \(([^)]+)\)$/gm),
  ];
  // The router's own list is a tree; what each documented route needs is asked of the router itself.
  const methods = served.flatMap(([, , list = '']) => list.split(', ')).filter((method) => method !== 'HEAD');
  expect(methods).toHaveLength(operations.length + ['/metrics', '/livez', '/readyz'].length);
  for (const { path, method } of operations) {
    const url = `/admin/v1${path.replaceAll(/\{(\w+)\}/g, ':$1')}`;
    expect([url, lab.app.hasRoute({ url, method: method as 'GET' })]).toEqual([url, true]);
  }
});

it('resolves every reference, and uses every schema', () => {
  const text = JSON.stringify(document);
  const used = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name));
  expect([...used].toSorted()).toEqual(Object.keys(document.components.schemas).toSorted());
});

it('has examples that are what they are examples of', () => {
  const withExamples = Object.entries({ ...SCHEMAS, ...GATEWAY_SCHEMAS }).flatMap(([name, schema]) => {
    const examples: unknown = schema.meta()?.examples;
    return Array.isArray(examples) ? [{ name, schema, examples }] : [];
  });
  expect(withExamples.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['LiveState', 'Configuration', 'Reloaded', 'ReloadRefused', 'LogLevel', 'AuditVerified']),
  );
  for (const { name, schema, examples } of withExamples) {
    expect(document.components.schemas[name]?.examples).toEqual(examples);
    for (const example of examples) expect(schema.parse(example)).toEqual(example);
  }
});

it('forbids unknown fields in every body, and names every parameter of a path', () => {
  for (const { path, operation } of operations) {
    const ref = operation.requestBody?.content['application/json']?.schema.$ref.split('/').at(-1);
    if (ref !== undefined) expect([ref, document.components.schemas[ref]?.additionalProperties]).toEqual([ref, false]);
    const named = operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
    expect(named).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
  }
});

describe('every documented route answers with a good answer', () => {
  const bodies: Record<string, object> = {
    'accounts.put': { account: NAME, region: 'eu' },
    'accounts.lookup': { account: NAME },
    'accounts.remove': { account: NAME },
    'moves.begin': { account: NAME, to: 'us', keep_old: true },
    explain: { method: 'GET', path: `/api/v1/secret/${KEY}`, user: NAME, region: 'eu', host: 'x.example' },
    'keys.lookup': { key: KEY },
    'logLevel.put': { level: 'debug' },
  };

  it.each(operations)('$method $path', async ({ path, method, operation }) => {
    const id = operation.operationId;
    if (id !== 'accounts.put') await lab.desk.add(NAME, { region: 'eu', pinned: true, also: [] }, false);
    if (id === 'moves.get' || id === 'moves.abort' || id === 'moves.list') await lab.desk.move(NAME, 'us', true);
    const account = (await lab.desk.show(NAME)).id;
    const url = `/admin/v1${path.replace('{id}', account).replace('{name}', 'eu')}`;
    const reply = await lab.ask(method, url, bodies[id]);
    expect([id, Math.floor(reply.status / 100)]).toEqual([id, 2]);
    expect(operation.responses).toHaveProperty(String(reply.status));
    expect(reply.headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });
});

describe('docs/admin-api.md', () => {
  const text = readDocument('docs/admin-api.md');

  it('has the table of the routes', () => {
    const rows = rowsOf(text).filter(([call = '']) => /^`(GET|POST|PUT|DELETE) /.test(call));
    const expected = ADMIN_ROUTES.map(({ method, path, changes, summary }) => [
      `${method} ${path}`,
      changes ? 'write' : 'read',
      summary,
    ]);
    expect(rows.map(([call, role, summary]) => [inCode(call), role, summary])).toEqual(expected);
  });

  it('asks for paths that exist, with bodies that are taken', async () => {
    const calls = [...text.matchAll(/^curl (.*(?:\\\n.*)*)$/gm)].map(([, line = '']) => line.replaceAll('\\\n', ' '));
    expect(calls.length).toBeGreaterThan(4);
    await lab.desk.add('ann@corp.example', { region: 'us', pinned: false, also: [] }, false);
    const { id } = await lab.desk.show('ann@corp.example');
    for (const line of calls) {
      const path = /\$ADMIN(\S*?)["\s]*(?:\s|$)/.exec(line)?.[1]?.replace('ID', id) ?? '';
      const body = /-d '([^']*)'/.exec(line)?.[1];
      const method = /-X (\w+)/.exec(line)?.[1] ?? (body === undefined ? 'GET' : 'POST');
      const reply = await lab.ask(method, `/admin/v1${path}`, body);
      expect([line, Math.floor(reply.status / 100)]).toEqual([line, 2]);
    }
  });
});
