// Method and path -> route, in the one form that is decided on and sent. Nothing is decoded, collapsed or repaired: two
// programs that read a path differently are how requests reach what they should not.
import type { Classified, Route } from '../domain.ts';
import { Refusal, type RefusalCode } from '../refusal.ts';

/** UPSTREAM.md, Keys: opaque and case-sensitive. */
const KEY = /^[0-9A-Za-z_-]{20,128}$/;

/** `0-9A-Za-z_-`, and `/` between segments: all that may stand in a path. */
const PLAIN_BYTE = new Uint8Array(128);
for (const c of '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-/') PLAIN_BYTE[c.charCodeAt(0)] = 1;

/** Each route's own parameters that would make a harmless GET destructive (UPSTREAM.md, version 2). */
const CONSUMING_PARAMETER = 'continue';

/** First segments of the paths that are served here; what stands before them names a region. */
const TOP = new Set(['api', 'secret']);
const API = '/api/';

/** The rows of one path, by method. */
interface Shape {
  readonly rows: readonly Route[];
  readonly byMethod: ReadonlyMap<string, Route>;
}

/** Stands for a key in the lookup; no plain path has it. */
const ANY_KEY = '*';

/** The table as a lookup: `/api/v1/private/(key)/burn` -> rows, one a method. */
function compile(routes: readonly Route[]): ReadonlyMap<string, Shape> {
  const rows = Map.groupBy(routes, ({ version, path }) =>
    ['', ...(version === 'v1' || version === 'v2' ? ['api', version] : []), ...path]
      .map((segment) => (segment === 'KEY' ? ANY_KEY : segment))
      .join('/'),
  );
  const shapes = new Map<string, Shape>();
  for (const [path, group] of rows) {
    // Of two that accept a method the first one is meant.
    const byMethod = new Map(group.toReversed().flatMap((route) => route.accepts.map((method) => [method, route])));
    shapes.set(path, { rows: group, byMethod });
  }
  return shapes;
}

function isPlainPath(path: string): boolean {
  if (path.charCodeAt(0) !== 47 || path.charCodeAt(path.length - 1) === 47) return false;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code > 127 || PLAIN_BYTE[code] === 0) return false;
    if (code === 47 && path.charCodeAt(i + 1) === 47) return false;
  }
  return true;
}

/** Whether any parameter's name could be read as `continue`, by whichever decoder. */
function mayConsume(query: string): boolean {
  if (query === '') return false;
  for (const pair of query.slice(1).split(/[&;]/)) {
    const name = pair.split('=', 1)[0] ?? '';
    let decoded = name;
    try {
      decoded = decodeURIComponent(name.replaceAll('+', ' '));
    } catch {
      // What does not decode is looked at as it is.
    }
    if (decoded.toLowerCase().includes(CONSUMING_PARAMETER)) return true;
  }
  return false;
}

function allow(rows: readonly Route[]): string {
  return [...new Set(rows.flatMap((route) => route.accepts))].join(', ');
}

export type Classify = (method: string, target: string) => Classified | Refusal;

/**
 * @param routes the API table, and the link
 * @param pages what stands at exactly its path, outside the API. Looked up where the path would be refused: the API's
 *   own calls never get there
 * @returns a pure function of method and request target (as received, with query) to a route, or the refusal: 404 for
 *   what is not in the table, 400 for what no path of it could be, 405 with `Allow`
 */
export function createClassify(routes: readonly Route[], pages: readonly Route[] = []): Classify {
  const shapes = compile(routes);
  const pageShapes = compile(pages);

  function classifyPage(method: string, path: string, otherwise: RefusalCode): Classified | Refusal {
    const shape = pageShapes.get(path);
    if (shape === undefined) return new Refusal(otherwise);
    const route = shape.byMethod.get(method);
    if (route === undefined) return new Refusal('method_not_allowed', { headers: ['Allow', allow(shape.rows)] });
    return { route, path, query: '', key: undefined, prefix: undefined };
  }

  /** Path behind the region prefix -> the rows of the table, and the key if the path has one. */
  function lookup(path: string): { shape: Shape; key: string | undefined } | Refusal {
    const literal = shapes.get(path);
    if (literal !== undefined) return { shape: literal, key: undefined };
    // `/api/v1/secret/` or `/secret/` stands before the key.
    let start = 0;
    for (let slashes = path.startsWith(API) ? 4 : 2; slashes > 0; slashes--) {
      start = path.indexOf('/', start) + 1;
      if (start === 0) return new Refusal('not_found');
    }
    const slash = path.indexOf('/', start);
    const end = slash === -1 ? path.length : slash;
    const shape = shapes.get(`${path.slice(0, start)}${ANY_KEY}${path.slice(end)}`);
    if (shape === undefined) return new Refusal('not_found');
    const key = path.slice(start, end);
    return KEY.test(key) ? { shape, key } : new Refusal('key_malformed');
  }

  return function classify(method, target) {
    const mark = target.indexOf('?');
    const whole = mark === -1 ? target : target.slice(0, mark);
    const query = mark === -1 ? '' : target.slice(mark);
    if (whole === '/') return new Refusal('not_found');
    if (!isPlainPath(whole)) return classifyPage(method, whole, 'path_malformed');

    const second = whole.indexOf('/', 1);
    const first = whole.slice(1, second === -1 ? undefined : second);
    const prefix = TOP.has(first) ? undefined : first;
    const path = prefix === undefined ? whole : whole.slice(prefix.length + 1);
    if (prefix !== undefined && !TOP.has(path.split('/', 2)[1] ?? '')) return classifyPage(method, whole, 'not_found');

    const found = lookup(path);
    if (found instanceof Refusal) return found;
    const route = found.shape.byMethod.get(method);
    if (route === undefined) return new Refusal('method_not_allowed', { headers: ['Allow', allow(found.shape.rows)] });
    if (route.version === 'v2' && route.effect === 'none' && route.key === 'secret' && mayConsume(query)) {
      return new Refusal('continue_refused');
    }

    return {
      route,
      path,
      query: route.query === 'forward' ? query : '',
      key: found.key,
      prefix,
    };
  };
}
