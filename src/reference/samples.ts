// A curl command for each operation. `$GATEWAY` is the base URL; NAME, TOKEN and the keys are the caller's own.
import type { Route } from '../domain.ts';

/** What a caller would put into a form or a body, in place of the schema's own example. */
const BODIES: Readonly<Record<string, readonly string[]>> = {
  'v1.share': ["--data-urlencode 'secret=a value to share'", '-d ttl=3600'],
  'v1.create': ["--data-urlencode 'secret[secret]=a value to share'", "-d 'secret[ttl]=3600'"],
  'v1.generate': ['-d ttl=3600'],
  'v2.conceal': [jsonBody({ secret: { secret: 'a value to share', ttl: 3600 } })],
  'v2.generate': [jsonBody({ secret: { ttl: 3600 } })],
  'v2.reveal': [jsonBody({ continue: true })],
  'v2.private.burn': [jsonBody({ continue: true })],
  'v2.receipt.burn': [jsonBody({ continue: true })],
};

function jsonBody(value: object): string {
  return `--json '${JSON.stringify(value)}'`;
}

/** Whether curl would choose the method by itself. */
function methodOption(method: 'GET' | 'POST', body: readonly string[]): string[] {
  return method === 'POST' && body.length === 0 ? ['-X POST'] : [];
}

function whoAndWhere({ access, effect, answersItself, version }: Route, region: string): string[] {
  if (version !== 'v1' && version !== 'v2') return [];
  if (access === 'private' || effect === 'creates') return ["-u 'NAME:TOKEN'"];
  return access === 'public' && !answersItself ? [`-H 'Onetime-Region: ${region}'`] : [];
}

/** @param path as in the document @param region one that is configured, for calls that need one */
export function curlOf(route: Route, method: 'GET' | 'POST', path: string, region: string): string {
  const body = method === 'POST' ? (BODIES[route.id] ?? []) : [];
  const key = route.key === 'metadata' ? 'METADATA_KEY' : 'SECRET_KEY';
  const words = [
    ...methodOption(method, body),
    ...whoAndWhere(route, region),
    ...body,
    `"$GATEWAY${path.replace('{key}', key)}"`,
  ];
  return `curl ${words.join(' \\\n  ')}`;
}
