// The admin listener: metrics, liveness, readiness, and the admin API for operators. It never serves the public API, and the
// public listener never serves this.
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { PageFiles } from '../console/files.ts';
import { type Access, type AccessOptions, createAccess, type Visitor } from './admin-access.ts';
import { type ConsolePart, serveConsole } from './admin-console.ts';
import { causeOf, fail, refuse } from './admin-fail.ts';
import { createLive, type LiveOptions } from './admin-live.ts';
import { adminDocument } from './admin-openapi.ts';
import { Problem, problemOf } from './admin-problem.ts';
import type { AdminRoute, AdminTools } from './admin-route.ts';
import { ADMIN_PREFIX, ADMIN_ROUTES, methodsAt } from './admin-routes.ts';
import { createVerification, type VerificationOptions } from './admin-verification.ts';
import { NO_SCHEMAS } from './no-schemas.ts';
import { MOST_OPERATORS } from './operators.ts';

export type { AdminToken } from './admin-access.ts';
export type { RegionReading } from './admin-live-types.ts';
export type { AdminTools } from './admin-route.ts';

export interface AdminApi extends AdminTools, AccessOptions {
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Of the gateway, for the document. */
  readonly version: string;
  /** Of the operators' page at /. Left out: there is none. */
  readonly console?: PageFiles | undefined;
  readonly live?: LiveOptions | undefined;
  readonly verification?: Pick<VerificationOptions, 'boundMs'> | undefined;
}

export interface AdminOptions {
  readonly scrape: () => Promise<{ body: string; contentType: string }>;
  /** False before the public listener listens and while draining. */
  readonly isReady: () => boolean;
  /** Left out: no admin API. */
  readonly api?: AdminApi | undefined;
}

const BODY_LIMIT_BYTES = 65_536;
const OPEN_PATHS = ['/metrics', '/livez', '/readyz'] as const;
/** Open paths have it in their route's config: known by the route that matched, not by what the path looks like. */
const OPEN = { config: { open: true } };

/**
 * GET /metrics (Prometheus text), /livez (the process answers), /readyz (200 ready, 503 starting or draining), and with
 * `api` the admin API under /admin/v1 (docs/admin-api.md) and the operators' page at /.
 */
export function createAdminListener({ scrape, isReady, api }: AdminOptions): FastifyInstance {
  const admin = Fastify({
    logger: false,
    schemaController: NO_SCHEMAS,
    forceCloseConnections: true,
    requestTimeout: 10_000,
    bodyLimit: BODY_LIMIT_BYTES,
    // Whatever stands in a path, its schema says what is wrong with it.
    routerOptions: { maxParamLength: 16_384 },
    frameworkErrors: (error, _request, reply) => refuse(reply, problemOf(error)),
  });
  admin.server.maxConnections = MOST_OPERATORS;
  readJsonOnly(admin);
  admin.addHook('onRequest', async (_request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });
  admin.setErrorHandler((error, request, reply) => fail(error, reply, { admin: rowOf(request)?.id, log: api?.log }));
  openPaths(admin, scrape, isReady);
  if (api === undefined) admin.setNotFoundHandler((_request, reply) => refuse(reply, nothingThere(OPEN_PATHS)));
  else serveApi(admin, api);
  return admin;
}

/**
 * Nothing is asked of who reads these. Probes come by the pod's address and Prometheus by a service's name, neither with a
 * token nor with a Host that could be listed; and there is nothing in them that a foreign page could use: no name, no
 * address, no key.
 */
function openPaths(admin: FastifyInstance, scrape: AdminOptions['scrape'], isReady: () => boolean): void {
  admin.get('/metrics', OPEN, async (_request, reply) => {
    const { body, contentType } = await scrape();
    return reply.header('content-type', contentType).send(body);
  });
  admin.get('/livez', OPEN, (_request, reply) => reply.send({ status: 'live' }));
  admin.get('/readyz', OPEN, (_request, reply) => {
    const ready = isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' });
  });
}

function serveApi(admin: FastifyInstance, api: AdminApi): void {
  const access = createAccess(api);
  // Made when it is first asked for: it would be a tenth of the start.
  let document: ReturnType<typeof adminDocument> | undefined;
  const describe = () => (document ??= adminDocument(api.version));
  const visitors = new WeakMap<FastifyRequest, Visitor>();
  const { live, verification } = openInsight(admin, api);
  const beside = api.console === undefined ? OPEN_PATHS : (['/', ...OPEN_PATHS] as const);
  // Before anything of a body is read.
  admin.addHook('onRequest', async (request) => {
    if (isOpen(request)) return;
    const part = partOf(request);
    if (part === 'page') return access.checkHost(request.raw);
    access.checkWay(request.raw);
    if (part === 'asset') return;
    if (!isBelowPrefix(request.url)) throw nothingThere(beside);
    const visitor = access.identify(request.raw);
    checkPath(request, beside);
    checkChange(access, request, visitor);
    visitors.set(request, visitor);
  });
  if (api.console !== undefined) {
    serveConsole(admin, api.console, () => {
      throw nothingThere(beside);
    });
  }
  for (const row of ADMIN_ROUTES) {
    admin.route({
      method: row.method,
      url: ADMIN_PREFIX + row.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      config: { row },
      handler: async (request, reply) => {
        const { actor } = visitorOf(visitors, request);
        const { params, query, body } = request;
        const mayStill = (): boolean => mayAsk(access, request);
        const context = { ...api, actor, desk: api.desk(actor), document: describe, mayStill, live, verification };
        const answer = await row.serve({ params, query, body }, context);
        if ('stream' in answer) {
          answer.stream(reply.raw);
          return reply.hijack();
        }
        if (row.changes && answer.status < 400)
          api.log.info({ admin: row.id, actor, id: answer.about }, 'changed by an operator');
        return reply.code(answer.status).send(answer.body);
      },
    });
  }
}

/** What is sampled and verified when somebody asks, and ends with the listener. */
function openInsight(admin: FastifyInstance, api: AdminApi) {
  const { snapshot, audit, now, log } = api;
  const onFailure = (cause: unknown): void => {
    log.warn({ cause: causeOf(cause) }, 'the live state could not be read');
  };
  const live = snapshot && createLive({ ...api, ...api.live, snapshot, onFailure });
  // Before the connections are cut: who listens is told that it is over, and nothing is sampled any more.
  admin.addHook('preClose', async () => live?.close());
  const verification = audit && createVerification({ verify: () => audit.verify(), now, ...api.verification });
  return { live, verification };
}

function isOpen(request: FastifyRequest): boolean {
  return (request.routeOptions.config as { open?: boolean }).open === true;
}

function partOf(request: FastifyRequest): ConsolePart | undefined {
  return (request.routeOptions.config as { part?: ConsolePart } | undefined)?.part;
}

function rowOf(request: FastifyRequest): AdminRoute | undefined {
  return (request.routeOptions.config as { row?: AdminRoute } | undefined)?.row;
}

function checkChange(access: Access, request: FastifyRequest, visitor: Visitor): void {
  if (rowOf(request)?.changes !== false) access.checkChange(visitor);
}

function mayAsk(access: Access, { raw }: FastifyRequest): boolean {
  try {
    access.checkWay(raw);
    access.identify(raw);
    return true;
  } catch (error) {
    if (error instanceof Problem) return false;
    throw error;
  }
}

function visitorOf(visitors: WeakMap<FastifyRequest, Visitor>, request: FastifyRequest): Visitor {
  const visitor = visitors.get(request);
  if (visitor === undefined) throw new Error('an admin request passed by its access check');
  return visitor;
}

function isBelowPrefix(url: string): boolean {
  return url === ADMIN_PREFIX || url.startsWith(`${ADMIN_PREFIX}/`) || url.startsWith(`${ADMIN_PREFIX}?`);
}

function nothingThere(paths: readonly string[]): Problem {
  return new Problem('no_such_endpoint', { hint: `There is: ${paths.join(', ')}.` });
}

/** @throws Problem 405 where another method is served there, 404 with what there is where none is */
function checkPath({ url, method, is404 }: FastifyRequest, beside: readonly string[]): void {
  const methods = methodsAt(url.split('?')[0] ?? '');
  if (methods.includes(method) && !is404) return;
  if (methods.length > 0 && !methods.includes(method)) {
    throw new Problem('method_not_allowed', { headers: { allow: methods.join(', ') } });
  }
  throw nothingThere([...new Set(ADMIN_ROUTES.map(({ path }) => ADMIN_PREFIX + path)), ...beside]);
}

/** Bodies are JSON or refused. No body at all is fine, whatever Content-Type says of it. */
function readJsonOnly(admin: FastifyInstance): void {
  const parse = admin.getDefaultJsonParser('error', 'error');
  admin.removeAllContentTypeParsers();
  admin.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (text === '') done(null, undefined);
    // Its error quotes the body.
    else
      parse(request, text as string, (error, body) =>
        done(error === null ? null : new Problem('body_malformed'), body),
      );
  });
}
