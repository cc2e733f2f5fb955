// Method and path -> route, in the one form that is decided on and sent. Nothing is decoded, collapsed or repaired: two
// programs that read a path differently are how requests reach what they should not.
import type { Classified, Route } from '../domain.ts';
import { Refusal } from '../refusal.ts';

/** UPSTREAM.md, Keys: opaque and case-sensitive. */
const KEY = /^[0-9A-Za-z_-]{20,128}$/;

/** `0-9A-Za-z_-`, and `/` between segments: all that may stand in a path. */
const PLAIN_BYTE = new Uint8Array(128);
for (const c of '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-/') PLAIN_BYTE[c.charCodeAt(0)] = 1;

/** Each route's own parameters that would make a harmless GET destructive (UPSTREAM.md, version 2). */
const CONSUMING_PARAMETER = 'continue';

/** First segments of the paths that are served here; what stands before them names a region. */
const TOP = new Set(['api', 'secret']);

type Shape = Map<string, Route[]>;

/** The table as a lookup: `api/v1/private/KEY/burn` -> rows, one a method. */
function compile(routes: readonly Route[]): Shape {
  const shapes: Shape = new Map();
  for (const route of routes) {
    const shape = [...(route.version === 'link' ? [] : ['api', route.version]), ...route.path].join('/');
    const rows = shapes.get(shape) ?? [];
    rows.push(route);
    shapes.set(shape, rows);
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
 * @returns a pure function of method and request target (as received, with query) to a route, or the refusal: 404 for
 *   what is not in the table, 400 for what no path of it could be, 405 with `Allow`
 */
export function createClassify(routes: readonly Route[]): Classify {
  const shapes = compile(routes);

  /** Segments behind the region prefix -> rows of the table, and the key if the path has one. */
  function lookup(segments: readonly string[]): { rows: Route[]; key: string | undefined } | Refusal {
    const literal = shapes.get(segments.join('/'));
    if (literal !== undefined) return { rows: literal, key: undefined };
    const at = segments[0] === 'api' ? 3 : 1;
    const key = segments[at];
    if (key === undefined || segments.length > at + 2) return new Refusal('not_found');
    const rows = shapes.get([...segments.slice(0, at), 'KEY', ...segments.slice(at + 1)].join('/'));
    if (rows === undefined) return new Refusal('not_found');
    return KEY.test(key) ? { rows, key } : new Refusal('key_malformed');
  }

  return function classify(method, target) {
    const mark = target.indexOf('?');
    const whole = mark === -1 ? target : target.slice(0, mark);
    const query = mark === -1 ? '' : target.slice(mark);
    if (whole === '/') return new Refusal('not_found');
    if (!isPlainPath(whole)) return new Refusal('path_malformed');

    const segments = whole.split('/');
    const prefix = TOP.has(segments[1] ?? '') ? undefined : segments[1];
    const start = prefix === undefined ? 1 : 2;
    if (!TOP.has(segments[start] ?? '')) return new Refusal('not_found');

    const found = lookup(segments.slice(start));
    if (found instanceof Refusal) return found;
    const route = found.rows.find((row) => (row.accepts as readonly string[]).includes(method));
    if (route === undefined) return new Refusal('method_not_allowed', { headers: ['Allow', allow(found.rows)] });
    if (route.version === 'v2' && route.effect === 'none' && route.key === 'secret' && mayConsume(query)) {
      return new Refusal('continue_refused');
    }

    return {
      route,
      path: prefix === undefined ? whole : whole.slice(prefix.length + 1),
      query: route.query === 'forward' ? query : '',
      key: found.key,
      prefix,
    };
  };
}
