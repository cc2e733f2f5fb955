// From a raw path to a route: what is mounted where, and how 0.20 and 0.26 read the rest.
import { bytesToText } from './params.ts';
import type { Received, Service } from './service.ts';

export type Mounted =
  | { readonly mount: 'v1' | 'v2'; readonly rest: string }
  /** Not UTF-8 after decoding (case 113-secret-invalid-utf8). */
  | { readonly mount: 'v1' | 'v2'; readonly rest: undefined }
  | { readonly mount: 'web'; readonly rest: string };

// Rack's map of applications: case-sensitive, and several slashes count as one, but only inside the prefix.
const MOUNT = /^\/+api\/+(v[12])(?=\/|$)(.*)$/s;

export function mountOf(path: string, version: '0.20' | '0.26'): Mounted {
  const matched = MOUNT.exec(version === '0.26' ? tidy(path) : path);
  if (matched === null) return { mount: 'web', rest: path };
  const mount = matched[1] === 'v1' ? 'v1' : 'v2';
  const rest = decodePath(matched[2] ?? '');
  return rest.isWellFormed() ? { mount, rest } : { mount, rest: undefined };
}

/** 0.26 collapses `//`, strips a trailing slash and decodes before it matches (UPSTREAM.md, "Keys"). */
function tidy(path: string): string {
  return path.replaceAll(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
}

/** `+` is a space here, too. Percent signs without digits never come this far (case 112-secret-invalid-percent). */
function decodePath(path: string): string {
  if (!/[%+]/.test(path)) return path;
  const bytes = path
    .replaceAll('+', ' ')
    .replaceAll(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  return bytesToText(Buffer.from(bytes, 'latin1'));
}

export interface Pattern {
  readonly methods: readonly string[];
  readonly path: string;
  readonly only?: '0.26';
}

export interface Matched<T> {
  readonly route: T;
  readonly key: string;
}

/**
 * Routes without a key bear a trailing slash, those with one do not (cases 006, 093, 189). They are looked at first, so
 * that GET /private/recent is recent and POST /private/recent is a key (case 221-recent-post).
 */
export function createRouter<T extends Pattern>(routes: readonly T[], version: '0.20' | '0.26') {
  const literal = new Map<string, T>();
  const keyed: { method: string; pattern: RegExp; route: T }[] = [];
  for (const route of routes) {
    if (route.only !== undefined && route.only !== version) continue;
    for (const method of route.methods) {
      if (!route.path.includes(':key')) literal.set(`${method} ${route.path}`, route);
      else keyed.push({ method, route, pattern: new RegExp(`^${route.path.replace(':key', '([^/?#]+)')}$`) });
    }
  }
  return (method: string, path: string): Matched<T> | undefined => {
    const asked = method === 'HEAD' ? 'GET' : method;
    const found = literal.get(`${asked} ${path.endsWith('/') ? path.slice(0, -1) : path}`);
    if (found !== undefined) return { route: found, key: '' };
    for (const one of keyed) {
      const matched = one.method === asked ? one.pattern.exec(path) : null;
      if (matched !== null) return { route: one.route, key: matched[1] ?? '' };
    }
    return undefined;
  };
}

const FORWARDED_HOSTS = ['apx-incoming-host', 'x-original-host', 'x-forwarded-host'];

/** 0.20 builds links from its own configuration, 0.26 from what a proxy says about the host (UPSTREAM.md, "Headers"). */
export function linkOrigin(service: Service, received: Received): string {
  if (service.version === '0.20') return service.origin;
  for (const name of FORWARDED_HOSTS) {
    const host = received.header(name);
    if (host !== undefined) return `https://${host.split(',', 1)[0]?.trim()}`;
  }
  const forwarded = /host="?([^";,]+)/i.exec(received.header('forwarded') ?? '')?.[1];
  return forwarded === undefined ? service.origin : `https://${forwarded}`;
}
