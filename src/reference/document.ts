// The OpenAPI 3.1 document of the public API, made from the table of routes and the list of refusals.
import type { Route } from '../domain.ts';
import { HEADERS, headerRef, parameter, parameters } from './headers.ts';
import { refusalsOf } from './refused.ts';
import { type Errors, responsesOf } from './responses.ts';
import { curlOf } from './samples.ts';
import { refusalExamples, SCHEMAS } from './schemas.ts';
import { shareResponses } from './shared-responses.ts';
import type { ApiDocument, Media, Method, Operation, Reference, RequestBody, Server } from './types.ts';
import { mainIdOf, TAGS, type Taken, wordsOf } from './words.ts';

export interface DocumentOptions {
  /** Whether the listener speaks TLS. */
  readonly isSecure: boolean;
  /** Whether callers may choose HTTP/2 in it. */
  readonly hasHttp2: boolean;
  /** Every row that is served at its own path; those of one path stand together. */
  readonly routes: readonly Route[];
  /** In the order of the configuration; never empty. */
  readonly regions: readonly string[];
  readonly version: string;
  readonly errors: Errors;
  /** How long an answer is kept for a repeat; undefined: none is. */
  readonly replayKeepMs: number | undefined;
}

const DESCRIPTION = `One endpoint in front of the regional data centres of Onetime Secret. Each call goes to the region where its account lives, or where the secret is held; nobody has to know which.

Accounts sign in with HTTP Basic: the account’s name and its API token. Calls that need no account can be made without; where nothing tells their region it has to be named, before the path or in the header \`Onetime-Region\`.

Retrieving and burning destroy a secret, so no call is ever sent twice. When something goes wrong, \`Onetime-Gateway-Outcome\` says what became of the call: \`not_sent\`, \`delivered\`, or \`unknown\` when it was sent and its answer was lost.

What the gateway refuses is answered with a code, a sentence and often a hint. What a region refuses is answered in its own words. HEAD is taken where GET is, but not on a path with a key of the API.`;

const HTTP2 = '\n\nHTTP/2 may be chosen in the TLS handshake. No answer differs by it.';

/** Where version 1's forms may come from; JSON only where the region's release reads it. */
const FORMS = ['application/x-www-form-urlencoded', 'multipart/form-data', 'application/json'];

export function openapiDocument(options: DocumentOptions): ApiDocument {
  const { routes, regions, version, replayKeepMs } = options;
  const { paths, responses } = shareResponses(pathsOf(options));
  const codes = new Set(routes.flatMap((route) => [...refusalsOf(route, replayKeepMs !== undefined).values()].flat()));
  return {
    openapi: '3.1.0',
    info: {
      title: 'onetime-gateway',
      version,
      summary: 'Onetime Secret, whichever region.',
      description: options.hasHttp2 ? DESCRIPTION + HTTP2 : DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: servers(regions),
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: [{ basic: [] }],
    paths,
    components: {
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic', description: 'The account’s name and its API token.' },
      },
      parameters: parameters(regions, replayKeepMs),
      headers: usedHeaders([paths, responses]),
      responses,
      examples: refusalExamples(codes),
      schemas: SCHEMAS,
    },
  };
}

function pathsOf(options: DocumentOptions): ApiDocument['paths'] {
  const paths: Record<string, Partial<Record<Method, Operation>>> = {};
  for (const route of options.routes) {
    const path = pathOf(route);
    for (const method of methodsOf(route)) {
      const key = method === 'GET' ? 'get' : 'post';
      // Of two rows that accept a method the first one is meant, as in classify.
      if (paths[path]?.[key] !== undefined) continue;
      paths[path] = { ...paths[path], [key]: operation(route, method, path, options) };
    }
  }
  return paths;
}

/** Which headers there are depends on the configuration. */
function usedHeaders(answers: object): ApiDocument['components']['headers'] {
  const text = JSON.stringify(answers);
  return Object.fromEntries(Object.entries(HEADERS).filter(([name]) => text.includes(`"${headerRef(name)}"`)));
}

function servers(regions: readonly string[]): Server[] {
  return [
    { url: '/', description: 'The account or the key tells the region.' },
    {
      url: '/{region}',
      description: 'The caller names the region. For the API; pages are without.',
      variables: {
        region: { default: regions[0] ?? '', enum: regions, description: 'A region that is configured here.' },
      },
    },
  ];
}

/** As the document writes it, with the key as a parameter. */
export function pathOf({ version, path }: Pick<Route, 'version' | 'path'>): string {
  const isApi = version === 'v1' || version === 'v2';
  const segments = path.map((segment) => (segment === 'KEY' ? '{key}' : segment));
  return ['', ...(isApi ? ['api', version] : []), ...segments].join('/');
}

/** Without HEAD, which is GET without a body. */
function methodsOf({ accepts }: Route): ('GET' | 'POST')[] {
  return accepts.filter((method) => method !== 'HEAD');
}

/** Whether another operation of the same id comes before: one row may be reached by several methods, one id have two rows. */
function isSecond({ method: own, effect }: Route, method: 'GET' | 'POST'): boolean {
  return method === 'POST' && (own === 'GET' || effect === 'advances');
}

function operation(route: Route, method: 'GET' | 'POST', path: string, options: DocumentOptions): Operation {
  const { tag, summary, description, takes, deprecated } = wordsOf(route);
  const replays = options.replayKeepMs !== undefined;
  const second = isSecond(route, method);
  const main = mainIdOf(route);
  return {
    operationId: second ? `${route.id}.post` : route.id,
    tags: [tag],
    summary: second ? `${summary}, by POST` : summary,
    description: second ? `The same as by GET. ${description}` : description,
    // The list takes POST for the sake of some clients alone.
    ...(deprecated || method !== route.method ? { deprecated: true } : {}),
    security: securityOf(route),
    parameters: parametersOf(route, replays),
    ...(takes === undefined || method === 'GET' ? {} : { requestBody: bodyOf(takes) }),
    responses: responsesOf(route, options.errors, replays),
    'x-access': route.access,
    'x-effect': route.effect,
    ...(second || main !== route.id ? { 'x-alias-of': main } : {}),
    'x-codeSamples': [{ lang: 'Shell', label: 'curl', source: curlOf(route, method, path, options.regions[0] ?? '') }],
  };
}

function securityOf({ access, version }: Route): Operation['security'] {
  if (version === 'link' || version === 'reference') return [];
  return access === 'private' ? [{ basic: [] }] : [{ basic: [] }, {}];
}

function parametersOf({ key, effect, version }: Route, replays: boolean): Reference[] {
  const found: Reference[] = [];
  if (key !== 'none') found.push(parameter('key'));
  if (version !== 'reference') found.push(parameter('region'));
  if (replays && effect !== 'none') found.push(parameter('idempotencyKey'));
  return found;
}

function bodyOf({ schema, as, required }: Taken): RequestBody {
  const example = SCHEMAS[schema]?.examples?.[0];
  const media: Media = {
    schema: { $ref: `#/components/schemas/${schema}` },
    ...(example === undefined ? {} : { example }),
  };
  const types = as === 'json' ? ['application/json'] : FORMS;
  return { required, content: Object.fromEntries(types.map((type) => [type, media])) };
}
