// Everything that a route may answer, by status.
import type { Route } from '../domain.ts';
import type { RefusalCode } from '../refusal.ts';
import { headersOfCall, headersOfOwn } from './headers.ts';
import { refusalsOf } from './refused.ts';
import { SCHEMAS } from './schemas.ts';
import type { Media, Response } from './types.ts';
import { wordsOf } from './words.ts';

type Responses = Readonly<Record<string, Response>>;

/** `accurate`: the service's ambiguous 404s get their true status; `verbatim`: they pass as they come. */
export type Errors = 'accurate' | 'verbatim';

type Says = Readonly<Record<number, string>>;

const FAILED = 'The region failed';
const FAILURES: Says = { 500: FAILED, 502: FAILED, 503: FAILED, 504: FAILED };
const V1_SAYS: Readonly<Record<Errors, Says>> = {
  accurate: {
    ...FAILURES,
    400: 'The region does not take the parameters',
    401: 'The region does not accept the credentials',
    404: 'The region knows no such secret, or it is gone, or its passphrase is missing or wrong',
    429: 'The region’s own limit was reached',
  },
  verbatim: { ...FAILURES, 404: 'The region says no: the message tells why' },
};
const V2_SAYS: Says = {
  ...FAILURES,
  400: 'The region cannot read the body',
  401: 'The region does not accept the credentials',
  403: 'The region does not accept the credentials',
  404: 'The region knows no such secret, or it is gone',
  422: 'The region does not take the parameters, or the passphrase is missing or wrong',
  429: 'The region’s own limit was reached',
  500: 'The region failed, or nothing was there to be burned',
};

export function responsesOf(route: Route, errors: Errors, replays: boolean): Responses {
  const refusals = refusalsOf(route, replays);
  switch (route.version) {
    case 'v1':
      return ofCall(route, V1_SAYS[errors], refusals, replays);
    case 'v2':
      return ofCall(route, V2_SAYS, refusals, replays);
    case 'link':
      return { ...LINK, ...ofOwn(refusals) };
    default:
      return { ...ofPage(route), ...ofOwn(refusals) };
  }
}

function ofCall(
  route: Route,
  says: Says,
  refusals: ReadonlyMap<number, readonly RefusalCode[]>,
  replays: boolean,
): Responses {
  const repeats = replays && route.effect !== 'none';
  const statuses = new Set([...Object.keys(says).map(Number), ...refusals.keys()]);
  const failures = [...statuses]
    .toSorted((one, other) => one - other)
    .map((status): [string, Response] => {
      const codes = refusals.get(status) ?? [];
      const region = says[status];
      const sentences = [region, codes.length === 0 ? undefined : `The gateway refuses: ${codes.join(', ')}`];
      return [
        String(status),
        {
          description: `${sentences.filter((sentence) => sentence !== undefined).join('. ')}.`,
          headers: headersOfCall(status, repeats),
          content: { 'application/json': refusal(codes, region !== undefined) },
        },
      ];
    });
  return {
    200: success(route, repeats),
    ...Object.fromEntries(failures),
    default: {
      description: 'Whatever else the region says.',
      headers: headersOfCall('default', repeats),
      content: { 'application/json': refusal([], true) },
    },
  };
}

function success(route: Route, repeats: boolean): Response {
  const { answers } = wordsOf(route);
  const schema = SCHEMAS[answers];
  const example = schema?.examples?.[0];
  return {
    description: schema?.description ?? 'Done.',
    headers: headersOfCall(200, repeats),
    content: {
      'application/json': {
        schema: { $ref: `#/components/schemas/${answers}` },
        ...(example === undefined ? {} : { example }),
      },
    },
  };
}

function refusal(codes: readonly RefusalCode[], fromRegion: boolean): Media {
  const own = { $ref: '#/components/schemas/GatewayRefusal' };
  const region = { $ref: '#/components/schemas/ServiceRefusal' };
  if (codes.length === 0) return { schema: region };
  const examples = Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
  return { schema: fromRegion ? { anyOf: [own, region] } : own, examples };
}

function ofOwn(refusals: ReadonlyMap<number, readonly RefusalCode[]>): Responses {
  return Object.fromEntries(
    [...refusals].map(([status, codes]) => [
      status,
      {
        description: `The gateway refuses: ${codes.join(', ')}.`,
        headers: headersOfOwn(status, ['Onetime-Gateway-Outcome']),
        content: { 'application/json': refusal(codes, false) },
      },
    ]),
  );
}

const HTML: Readonly<Record<string, Media>> = { 'text/html': { schema: { type: 'string' } } };

const LINK: Responses = {
  302: { description: 'The way to the region’s page.', headers: headersOfOwn(302, ['Location']) },
  404: { description: 'A page that offers the regions.', headers: headersOfOwn(404), content: HTML },
};

function ofPage({ id }: Route): Responses {
  const json = id === 'reference.openapi';
  const headers = headersOfOwn(200, ['ETag']);
  const content: Readonly<Record<string, Media>> = json ? { 'application/json': { schema: { type: 'object' } } } : HTML;
  return {
    200: { description: json ? 'The document.' : 'The page.', headers, content },
    304: { description: 'What was sent before is still right.', headers },
  };
}
