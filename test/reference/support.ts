// Shared by the tests of the reference: the document of all routes, and its schemas as validators.
import { z } from 'zod';
import { type DocumentOptions, openapiDocument } from '../../src/reference/document.ts';
import type { ApiDocument, Operation, Reference, Response } from '../../src/reference/types.ts';
import { LINK, REFERENCE, ROUTES } from '../../src/route/table.ts';

export const SERVED = [...ROUTES, LINK, ...REFERENCE];

export function documentOf(options: Partial<DocumentOptions> = {}): ApiDocument {
  return openapiDocument({
    routes: SERVED,
    regions: ['us', 'eu'],
    isSecure: false,
    hasHttp2: false,
    version: '1.2.3',
    errors: 'accurate',
    replayKeepMs: 300_000,
    ...options,
  });
}

export interface Placed {
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly id: string;
  readonly operation: Operation;
}

export function operationsOf(document: ApiDocument): Placed[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Placed => {
      return { path, method: method === 'post' ? 'POST' : 'GET', id: operation.operationId, operation };
    }),
  );
}

/** What is documented of a status; undefined where nothing is. */
export function responseOf(document: ApiDocument, operation: Operation, status: number): Response | undefined {
  const found: Response | Reference | undefined = operation.responses[status] ?? operation.responses.default;
  if (found === undefined || !('$ref' in found)) return found;
  return document.components.responses[found.$ref.split('/').at(-1) ?? ''];
}

/** What is wrong with an answer in JSON, by its schema in the document; empty when nothing is. */
export function problemsOf(document: ApiDocument, response: Response | undefined, body: unknown): string[] {
  const schema = response?.content?.['application/json']?.schema;
  if (schema === undefined) return ['nothing is documented'];
  return problemsBy(document, schema, body);
}

export function problemsBy({ components }: ApiDocument, schema: object, value: unknown): string[] {
  // zod finds what is referred to under $defs alone.
  const whole = JSON.stringify({ ...schema, $defs: components.schemas }).replaceAll(
    '#/components/schemas/',
    '#/$defs/',
  );
  const result = z.fromJSONSchema(JSON.parse(whole)).safeParse(value);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}
