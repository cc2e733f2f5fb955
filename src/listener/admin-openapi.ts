// The OpenAPI 3.1 document of the admin API, made from the table and the schemas that serve it.
import { z } from 'zod';
import { PROBLEM_STATUS } from './admin-problem.ts';
import type { AdminRoute } from './admin-route.ts';
import { ADMIN_PREFIX, ADMIN_ROUTES } from './admin-routes.ts';
import { SCHEMAS } from './admin-schemas.ts';
import { GATEWAY_SCHEMAS } from './admin-schemas-gateway.ts';

type Json = Record<string, unknown>;

const ALL = { ...SCHEMAS, ...GATEWAY_SCHEMAS };
const NAMES = new Map<z.ZodType, string>(Object.entries(ALL).map(([name, schema]) => [schema, name]));
const refTo = (name: string): string => `#/components/schemas/${name}`;

/** Any route may answer these. */
const EVERYWHERE = [
  'request_malformed',
  'input_invalid',
  'token_required',
  'token_unknown',
  'tokens_not_configured',
  'origin_refused',
  'host_unknown',
  'too_many_attempts',
  'internal_error',
];
const WITH_BODY = ['body_malformed', 'body_too_large', 'media_type_unsupported'];

/** @param version of the gateway */
export function adminDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const row of ADMIN_ROUTES) {
    paths[row.path] = { ...paths[row.path], [row.method.toLowerCase()]: operation(row) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'onetime-gateway admin API',
      version,
      license: { name: 'MIT', identifier: 'MIT' },
      description: 'For operators. Accounts are named in bodies only, and known by their keyed hash everywhere else.',
    },
    servers: [{ url: ADMIN_PREFIX }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'Of admin.tokens. Where none is configured, callers on the same machine may read without.',
        },
      },
      schemas: schemas(),
    },
  };
}

function operation(row: AdminRoute): Json {
  const { id, summary, changes, params, query, body } = row;
  return {
    operationId: id,
    summary,
    'x-role': changes ? 'write' : 'read',
    parameters: [...parameters(params, 'path'), ...parameters(query, 'query')],
    ...(body === undefined
      ? {}
      : {
          requestBody: { required: !body.isOptional(), content: { 'application/json': { schema: reference(body) } } },
        }),
    responses: { ...answers(row), ...problems(row) },
  };
}

function reference(schema: z.ZodType): Json {
  const name = NAMES.get(schema);
  if (name === undefined) throw new Error('a schema of the admin API has no name in SCHEMAS or GATEWAY_SCHEMAS');
  return { $ref: refTo(name) };
}

function parameters(schema: z.ZodObject | undefined, at: 'path' | 'query'): Json[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) => {
    const { $schema: _dialect, description, ...rest } = z.toJSONSchema(field as z.ZodType) as Json;
    return {
      name,
      in: at,
      required: at === 'path',
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function answers({ answers, media = 'application/json' }: AdminRoute): Json {
  return Object.fromEntries(
    Object.entries(answers).map(([status, schema]) => [
      status,
      { description: schema.description ?? 'Done.', content: { [media]: { schema: reference(schema) } } },
    ]),
  );
}

/** Problems by status, since a status has one answer in the document; its description lists their codes. */
function problems({ problems, body, changes }: AdminRoute): Json {
  const codes = [
    ...EVERYWHERE,
    ...(body === undefined ? [] : WITH_BODY),
    ...(changes ? ['role_insufficient'] : []),
    ...problems,
  ];
  const byStatus = Map.groupBy(new Set(codes), (code) => String(PROBLEM_STATUS.get(code)));
  return Object.fromEntries(
    [...byStatus].map(([status, listed]) => [
      status,
      { description: listed.join(', '), content: { 'application/json': { schema: { $ref: refTo('Refused') } } } },
    ]),
  );
}

function schemas(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [name, schema] of Object.entries(ALL)) registry.add(schema, { id: name });
  const made = z.toJSONSchema(registry, { uri: refTo }).schemas as Record<string, Json>;
  return Object.fromEntries(
    Object.entries(made).map(([name, { $schema: _dialect, $id: _id, ...schema }]) => [name, schema]),
  );
}
