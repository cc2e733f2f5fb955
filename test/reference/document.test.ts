// The document of the public API: valid, complete, and true of what was recorded of the service.
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import type { DocumentOptions } from '../../src/reference/document.ts';
import { REFUSAL_CODES, Refusal } from '../../src/refusal.ts';
import { createClassify } from '../../src/route/classify.ts';
import { ROUTES } from '../../src/route/table.ts';
import { readTranscripts } from '../contract/transcripts.ts';
import { documentOf, operationsOf, problemsBy, problemsOf, responseOf, SERVED } from './support.ts';

const document = documentOf();
const operations = operationsOf(document);

const VARIANTS: readonly (readonly [string, Partial<DocumentOptions>])[] = [
  ['with everything', {}],
  ['with the errors as they come', { errors: 'verbatim' }],
  ['without repeats', { replayKeepMs: undefined }],
  ['with one region', { regions: ['eu-north'] }],
  ['without the pages themselves', { routes: ROUTES }],
  ['with HTTP/2', { hasHttp2: true }],
];

/** What the linter would like otherwise, and why it stays. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'operation-2xx-response #/paths/~1secret~1{key}/get/responses': 'a link leads on: its good answer is 302',
};

async function lint(text: string): Promise<string[]> {
  const config = await createConfig({ extends: ['recommended-strict'] });
  const problems = await lintFromString({ source: text, absoluteRef: '/openapi.json', config });
  return problems.map(({ ruleId, location }) => `${ruleId} ${location[0]?.pointer}`);
}

describe.each(VARIANTS)('the document %s', (_, options) => {
  const text = JSON.stringify(documentOf(options));

  it('is OpenAPI 3.1 to the official schemas', async () => {
    const validator = new Validator();
    expect(await validator.validate(JSON.parse(text))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('has nothing that a linter finds, but for named exceptions', async () => {
    const found = await lint(text);
    expect(found.filter((problem) => !(problem in EXCEPTIONS))).toEqual([]);
  });
});

it('would be told by both when it is broken', async () => {
  const broken = structuredClone(JSON.parse(JSON.stringify(document)));
  broken.paths['/api/v1/secret/{key}'].post.responses['200'].content['application/json'].schema.$ref += 'Nowhere';
  broken.paths['no-slash'] = {};
  expect((await new Validator().validate(broken)).valid).toBe(false);
  expect(await lint(JSON.stringify(broken))).toEqual(
    expect.arrayContaining([expect.stringMatching(/^no-unresolved-refs /), expect.stringMatching(/^struct /)]),
  );
});

it('has every exception of the linter still', async () => {
  expect(await lint(JSON.stringify(document))).toEqual(Object.keys(EXCEPTIONS));
});

it('has every route of the table by every method but HEAD, and nothing else', () => {
  const expected = SERVED.flatMap(({ version, path, accepts }) => {
    const prefix = version === 'v1' || version === 'v2' ? `/api/${version}` : '';
    const whole = `${prefix}/${path.join('/').replace('KEY', '{key}')}`;
    return accepts.filter((method) => method !== 'HEAD').map((method) => `${method} ${whole}`);
  });
  const found = operations.map(({ method, path }) => `${method} ${path}`);
  expect(found.toSorted()).toEqual([...new Set(expected)].toSorted());
  expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
});

it('says of every operation who may call it and what it does, as the table says', () => {
  const classify = createClassify(SERVED.filter(({ version }) => version !== 'reference'));
  for (const { method, path, operation } of operations.filter(({ path }) => path.startsWith('/api/'))) {
    const found = classify(method, path.replace('{key}', 'k'.repeat(31)));
    if (found instanceof Refusal) throw new Error(`${path}: ${found.code}`);
    const { access, effect, key } = found.route;
    expect([path, operation['x-access'], operation['x-effect']]).toEqual([path, access, effect]);
    const names = operation.parameters.map(({ $ref }) => $ref.split('/').at(-1));
    expect([path, names]).toEqual([
      path,
      [...(key === 'none' ? [] : ['key']), 'region', ...(effect === 'none' ? [] : ['idempotencyKey'])],
    ]);
    expect(operation.security).toEqual(access === 'private' ? [{ basic: [] }] : [{ basic: [] }, {}]);
  }
});

it('tells of HTTP/2 where callers may choose it', () => {
  expect(documentOf({ hasHttp2: true }).info.description).toContain('HTTP/2 may be chosen');
  expect(document.info.description).not.toContain('HTTP/2');
});

describe('the refusals', () => {
  it('are all in the list, each with its status and its sentence', () => {
    const listed = document.components.schemas.GatewayRefusal?.properties?.error?.oneOf ?? [];
    expect(listed).toEqual(
      REFUSAL_CODES.map((code) => {
        const { status, message } = new Refusal(code);
        return { const: code, description: `${status}. ${message}` };
      }),
    );
  });

  it('stand with their own status alone, by an example that is one', () => {
    const seen = new Set<string>();
    for (const { operation } of operations) {
      for (const status of Object.keys(operation.responses)) {
        const response = responseOf(document, operation, Number(status));
        for (const code of Object.keys(response?.content?.['application/json']?.examples ?? {})) {
          seen.add(code);
          const { value } = document.components.examples[code] ?? {};
          expect([code, problemsOf(document, response, value)]).toEqual([code, []]);
          expect(value).toMatchObject({ error: code });
          expect(String(REFUSAL_CODES.map((one) => new Refusal(one)).find((one) => one.code === code)?.status)).toBe(
            status,
          );
        }
      }
    }
    // This one is of methods that no operation has.
    expect(REFUSAL_CODES.filter((code) => !seen.has(code))).toEqual(['method_not_allowed']);
  });

  it('are no answer of a service', () => {
    const schema = { $ref: '#/components/schemas/GatewayRefusal' };
    expect(problemsBy(document, schema, { message: 'Unknown secret', secret_key: 'x' })).not.toEqual([]);
    expect(problemsBy(document, schema, { message: 'm', error: 'no_such_code', outcome: 'not_sent' })).not.toEqual([]);
  });
});

it('gives examples that fit their schemas', () => {
  for (const [name, { examples = [] }] of Object.entries(document.components.schemas)) {
    for (const example of examples) {
      const schema = { $ref: `#/components/schemas/${name}` };
      expect([name, problemsBy(document, schema, example)]).toEqual([name, []]);
    }
  }
});

/** How the recording marks what it cut. */
const CUT = /\.\.\.[[(]\d+ (characters in all|bytes)[\])]$/;

describe('the recorded answers of the service', () => {
  const verbatim = documentOf({ errors: 'verbatim' });
  const byRoute = new Map(operationsOf(verbatim).map((placed) => [`${placed.method} ${placed.path}`, placed]));
  const classify = createClassify(ROUTES);
  const recorded = readTranscripts().flatMap(({ run, case: name, request, response }) => {
    // Plain text is for requests that the service cannot read, and the gateway sends none of those.
    if (response.headers.includes('Content-Type: text/plain')) return [];
    // Of HEAD there is no body, and long ones were cut by the recording.
    if (request.method === 'HEAD' || CUT.test(response.body)) return [];
    const found = classify(request.method, request.path);
    if (found instanceof Refusal) return [];
    const { version, path } = found.route;
    const placed = byRoute.get(`${request.method} /api/${version}/${path.join('/').replace('KEY', '{key}')}`);
    return [{ name: `${run} ${name}`, placed, status: response.status, body: response.body }];
  });

  it('are as documented', () => {
    expect(recorded.length).toBeGreaterThan(350);
    const strange = recorded.flatMap(({ name, placed, status, body }) => {
      if (placed === undefined) return [`${name}: no operation`];
      const response = responseOf(verbatim, placed.operation, status);
      return problemsOf(verbatim, response, JSON.parse(body)).map((problem) => `${name} (${placed.id}): ${problem}`);
    });
    expect(strange).toEqual([]);
  });

  it('are of nearly every operation', () => {
    const good = new Set(recorded.flatMap(({ placed, status }) => (status === 200 && placed ? [placed.id] : [])));
    const missing = operationsOf(verbatim).filter(({ id, path }) => path.startsWith('/api/') && !good.has(id));
    // Of newer releases, or reached by another method; test/reference/examples.test.ts calls these, too.
    for (const { id } of missing) expect(id).toMatch(/receipt|secret\.status|recent|metadata\.burn/);
  });
});
