// The service without its sockets: one received request in, one answer out.
import type { Authenticated } from './accounts.ts';
import {
  type Answer,
  BAD_JSON,
  BAD_REQUEST,
  type HeaderList,
  INTERNAL_ERROR,
  INTERNAL_ERROR_TEXT,
  json,
  localeCookie,
  NO_ROUTE_V1,
  NO_ROUTE_V2,
  sessionCookie,
  withHeaders,
} from './answer.ts';
import { asText, type Params, parseParams, UnreadableError } from './params.ts';
import { createRouter, mountOf } from './paths.ts';
import { type Call, identityOf, type Received, type Service } from './service.ts';
import { notAuthorizedV1, ROUTES_V1, type RouteV1 } from './v1.ts';
import { ROUTES_V2, type RouteV2 } from './v2.ts';
import { notAuthorizedV2 } from './v2-refusals.ts';
import { answerWeb } from './web.ts';

export type Application = (received: Received) => Answer;

export function createApplication(service: Service): Application {
  const routeV1 = createRouter(ROUTES_V1, service.version);
  const routeV2 = createRouter(ROUTES_V2, service.version);
  return (received) => {
    if (isMalformed(received)) return BAD_REQUEST;
    const mounted = mountOf(received.path, service.version);
    if (mounted.mount === 'web') return answerWeb(service, received);
    const rest = mounted.rest;
    if (rest === undefined) return INTERNAL_ERROR;
    if (rest.includes('\0')) return INTERNAL_ERROR_TEXT;
    try {
      if (mounted.mount === 'v1') {
        const matched = routeV1(received.method, rest);
        return matched === undefined ? NO_ROUTE_V1 : answerV1(service, received, matched.route, matched.key);
      }
      const matched = routeV2(received.method, rest);
      return matched === undefined ? NO_ROUTE_V2 : answerV2(service, received, matched.route, matched.key);
    } catch (error) {
      // A mistake of the twin looks like one of the service, rather than ending the process.
      const isJson = error instanceof UnreadableError && error.reason === 'malformed_json';
      return isJson ? BAD_JSON : INTERNAL_ERROR;
    }
  };
}

/** What 0.20's HTTP server refuses before the service sees it (cases 107, 112, 241). */
function isMalformed({ path, query }: Received): boolean {
  if (path.length > 2048 || query.length > 10 * 1024) return true;
  return /%(?![0-9A-Fa-f]{2})/.test(path) || /%(?![0-9A-Fa-f]{2})/.test(query);
}

function readParams(received: Received, readsJson: boolean): Params {
  return parseParams(received.query, received.header('content-type'), received.method, received.body, readsJson);
}

function answerV1(service: Service, received: Received, route: RouteV1, key: string): Answer {
  const params = readParams(received, service.version === '0.26');
  const locale = asText(params.locale);
  const cookies = locale !== '' && service.version === '0.20' ? localeCookie(locale, service.now()) : [];
  const authenticated = service.authenticate(received.header('authorization'));
  const session = authenticated === 'anonymous' ? newSession(service, received) : undefined;
  const answer =
    session !== undefined && received.method === 'POST' && route.anonymous
      ? // A session cookie makes the service ask for a shrimp, which an API caller does not have (cases 227, 231).
        json(404, { reason: 'Bad shrimp 🍤', message: 'Please refresh the page and try again' })
      : handleV1(service, received, route, key, params, authenticated);
  return withHeaders(answer, [...cookies, ...(session ?? [])]);
}

function handleV1(
  service: Service,
  received: Received,
  route: RouteV1,
  key: string,
  params: Params,
  authenticated: Authenticated,
): Answer {
  if (authenticated === 'refused') return notAuthorizedV1(service);
  if (authenticated === 'anonymous' && !route.anonymous) return notAuthorizedV1(service);
  const identity = identityOf(service, received, authenticated);
  return route.handle(service, { received, params, key, caller: authenticated, identity });
}

/** 0.20 answers a `sess` cookie that it does not know with a new one (case 225); 0.26's v1 knows no cookies. */
function newSession(service: Service, received: Received): HeaderList | undefined {
  if (service.version !== '0.20' || !/(?:^|;\s*)sess=/.test(received.header('cookie') ?? '')) return undefined;
  return sessionCookie(service.keys.token(), service.now());
}

function answerV2(service: Service, received: Received, route: RouteV2, key: string): Answer {
  const params = readParams(received, true);
  const authenticated = route.access === 'page' ? 'anonymous' : service.authenticate(received.header('authorization'));
  if (authenticated === 'refused') return notAuthorizedV2(service);
  if (authenticated === 'anonymous' && route.access === 'account') return notAuthorizedV2(service);
  const identity = identityOf(service, received, authenticated);
  const call: Call = { received, params, key, caller: authenticated, identity };
  return route.handle(service, call);
}
