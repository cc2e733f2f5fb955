// The API as data: every method and path that the gateway knows (UPSTREAM.md, versions 1 and 2). What is not here is
// never forwarded. Access has no default.
import type { Route } from '../domain.ts';

const GET = ['GET', 'HEAD'] as const;
const GET_ONLY = ['GET'] as const;
const POST = ['POST'] as const;

/** What most rows have: no side effect at the gateway's own hand, and a query that stays here. */
const PLAIN = { retrieves: false, answersItself: false, query: 'drop', answer: 'as_is' } as const;

const STATUS = { ...PLAIN, method: 'GET', accepts: GET, access: 'public', effect: 'none', key: 'none' } as const;
/** Parameters of the creating and consuming calls may come in the query: several real clients send them so. */
const CREATES = {
  ...PLAIN,
  method: 'POST',
  accepts: POST,
  access: 'anonymous',
  effect: 'creates',
  key: 'none',
  query: 'forward',
} as const;
const RETRIEVES = {
  ...PLAIN,
  method: 'POST',
  accepts: POST,
  access: 'anonymous',
  effect: 'destroys',
  key: 'secret',
  retrieves: true,
  query: 'forward',
} as const;
/** HEAD is not accepted on a path with a key: the service gives it GET's side effects. */
const METADATA = { ...PLAIN, access: 'private', effect: 'advances', key: 'metadata' } as const;
const BURNS = {
  ...PLAIN,
  method: 'POST',
  accepts: POST,
  access: 'private',
  effect: 'destroys',
  key: 'metadata',
  query: 'forward',
} as const;
/** POST on recent would look up a key of that name at the service; real clients mean the list (UPSTREAM.md). */
const RECENT = {
  ...PLAIN,
  method: 'GET',
  accepts: ['GET', 'HEAD', 'POST'],
  access: 'private',
  effect: 'none',
  key: 'none',
  answer: 'without_secret_keys',
} as const;
/** `?continue=true` would turn these into a retrieval, so their query never travels (classify refuses `continue`). */
const SHOWS = {
  ...PLAIN,
  method: 'GET',
  accepts: GET_ONLY,
  access: 'anonymous',
  effect: 'none',
  key: 'secret',
  retrieves: true,
} as const;

function v1(): Route[] {
  const version = 'v1';
  const rows: Route[] = [
    { ...STATUS, version, id: 'v1.status', path: ['status'], answersItself: true },
    { ...STATUS, version, id: 'v1.authcheck', path: ['authcheck'], access: 'private' },
    { ...CREATES, version, id: 'v1.share', path: ['share'] },
    { ...CREATES, version, id: 'v1.create', path: ['create'] },
    { ...CREATES, version, id: 'v1.generate', path: ['generate'] },
    { ...RETRIEVES, version, id: 'v1.secret', path: ['secret', 'KEY'] },
  ];
  for (const alias of ['private', 'metadata', 'receipt']) {
    rows.push(
      { ...RECENT, version, id: `v1.${alias}.recent`, path: [alias, 'recent'] },
      { ...METADATA, version, id: `v1.${alias}`, path: [alias, 'KEY'], method: 'GET', accepts: GET_ONLY },
      {
        ...METADATA,
        version,
        id: `v1.${alias}`,
        path: [alias, 'KEY'],
        method: 'POST',
        accepts: POST,
        query: 'forward',
      },
      { ...BURNS, version, id: `v1.${alias}.burn`, path: [alias, 'KEY', 'burn'] },
    );
  }
  return rows;
}

function v2(): Route[] {
  const version = 'v2';
  const rows: Route[] = [
    { ...STATUS, version, id: 'v2.status', path: ['status'], answersItself: true },
    { ...STATUS, version, id: 'v2.version', path: ['version'] },
    { ...STATUS, version, id: 'v2.supported-locales', path: ['supported-locales'] },
    { ...CREATES, version, id: 'v2.conceal', path: ['secret', 'conceal'] },
    { ...CREATES, version, id: 'v2.generate', path: ['secret', 'generate'] },
    { ...SHOWS, version, id: 'v2.secret', path: ['secret', 'KEY'] },
    { ...SHOWS, version, id: 'v2.secret.status', path: ['secret', 'KEY', 'status'] },
    { ...RETRIEVES, version, id: 'v2.reveal', path: ['secret', 'KEY', 'reveal'] },
  ];
  for (const alias of ['private', 'receipt']) {
    rows.push(
      { ...RECENT, version, id: `v2.${alias}.recent`, path: [alias, 'recent'] },
      { ...METADATA, version, id: `v2.${alias}`, path: [alias, 'KEY'], method: 'GET', accepts: GET_ONLY },
      { ...BURNS, version, id: `v2.${alias}.burn`, path: [alias, 'KEY', 'burn'] },
    );
  }
  return rows;
}

/** Every route, in the order of the service's documentation. */
export const ROUTES: readonly Route[] = [...v1(), ...v2()];

/**
 * The page of a secret, which clients build from their base URL (`BASE/secret/KEY`) and people follow: answered with the
 * way to the region's own page, never a retrieval.
 */
export const LINK: Route = {
  ...PLAIN,
  version: 'link',
  id: 'link.secret',
  path: ['secret', 'KEY'],
  method: 'GET',
  accepts: GET,
  access: 'anonymous',
  effect: 'none',
  key: 'secret',
  retrieves: true,
};

/** What tells of the API, at exactly these paths: the document and the page made from it. The gateway's own, never sent. */
const REFERENCE_ROW = {
  ...PLAIN,
  version: 'reference',
  method: 'GET',
  accepts: GET,
  access: 'public',
  effect: 'none',
  key: 'none',
} as const;
export const REFERENCE: readonly Route[] = [
  { ...REFERENCE_ROW, id: 'reference.openapi', path: ['openapi.json'] },
  { ...REFERENCE_ROW, id: 'reference.docs', path: ['docs'] },
];

/**
 * Every path under a configured prefix. No row of the table: what is passed through is not looked at, and only the prefix
 * and the caller's credentials say where it goes.
 */
export const PASSTHROUGH: Route = {
  ...PLAIN,
  version: 'passthrough',
  id: 'passthrough',
  path: [],
  method: 'GET',
  accepts: GET,
  access: 'public',
  effect: 'none',
  key: 'none',
  query: 'forward',
};
