// What one key says of another about URLs and files: web pages, prefixes that are passed through, the gateway's files.
import { readHostName, readUpstream, readWebUrl, upstreamIdentity } from './addresses.ts';
import {
  DEFAULT_AUDIT_FILE,
  DEFAULT_AUDIT_KEY,
  DEFAULT_KEY_FILE,
  firstSegment,
  readKeyFile,
  readPrefix,
} from './paths.ts';
import { type Finding, type Places, valueAt } from './places.ts';
import type { Path } from './problem.ts';
import { DEFAULT_STORE, readStore } from './store-url.ts';
import { Unfit } from './units.ts';
import { textsAt } from './walk.ts';

/** A link must lead neither to another region's server, which would learn the key, nor back to the gateway. */
export function checkWeb(tree: unknown, names: readonly string[], places: Places): Finding[] {
  return names.flatMap((name): Finding[] => {
    const path = ['regions', name, 'web'];
    const text = valueAt(tree, path);
    const web = typeof text === 'string' ? readWebUrl(text) : undefined;
    if (web === undefined || web instanceof Unfit) return [];
    const stranger = names
      .filter((other) => other !== name)
      .flatMap((other) => textsAt(tree, ['regions', other, 'upstreams']))
      .find(([, upstream]) => isSameServer(upstream, web));
    if (stranger !== undefined) {
      const rule = `line ${places.lineOf(stranger[0])} has this server in another region, which must not learn the key`;
      return [{ path, expected: `a URL of the region itself: ${rule}` }];
    }
    const own = names
      .flatMap((other) => textsAt(tree, ['regions', other, 'hosts']))
      .find(([, host]) => isHostItself(host, web));
    if (own === undefined) return [];
    const rule = `line ${places.lineOf(own[0])} says that this host is the gateway, and links would lead back to it`;
    return [{ path, expected: `a URL of the region: ${rule}` }];
  });
}

function isSameServer(upstream: string, web: string): boolean {
  const origin = readUpstream(upstream);
  return !(origin instanceof Unfit) && upstreamIdentity(origin) === upstreamIdentity(web);
}

/** Another port, or a path, may lead elsewhere. */
function isHostItself(host: string, web: string): boolean {
  const { host: nameAndPort, pathname } = new URL(web);
  return pathname === '/' && readHostName(host) === nameAndPort;
}

/** A prefix that begins with a region's name would cover that region's API; of two nested prefixes one means nothing. */
export function checkPassthrough(tree: unknown, names: readonly string[], places: Places): Finding[] {
  const rows = valueAt(tree, ['passthrough']);
  if (!Array.isArray(rows)) return [];
  const before: { readonly prefix: string; readonly path: Path }[] = [];
  return rows.flatMap((row: unknown, index): Finding[] => {
    const path = ['passthrough', index, 'prefix'];
    const text = valueAt(row, ['prefix']);
    const prefix = typeof text === 'string' ? readPrefix(text) : undefined;
    if (prefix === undefined || prefix instanceof Unfit) return [];
    if (names.includes(firstSegment(prefix).toLowerCase())) {
      return [{ path, expected: 'a path prefix that does not begin with the name of a region: its API stands there' }];
    }
    const met = before.find((other) => covers(other.prefix, prefix) || covers(prefix, other.prefix));
    before.push({ prefix, path });
    if (met === undefined) return [];
    const rule = `line ${places.lineOf(met.path)} has one that ${covers(met.prefix, prefix) ? 'covers it' : 'it covers'}`;
    return [{ path, expected: `a path prefix apart from the others: ${rule}` }];
  });
}

function covers(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(`${outer}/`);
}

/** One file cannot be two of these. */
export function checkFiles(tree: unknown): Finding[] {
  const kept = [
    { path: ['store'], file: fileOf(tree, ['store'], DEFAULT_STORE, readSqlitePath) },
    { path: ['identityKey'], file: fileOf(tree, ['identityKey'], DEFAULT_KEY_FILE, readKeyFile('.')) },
    { path: ['audit', 'file'], file: fileOf(tree, ['audit', 'file'], DEFAULT_AUDIT_FILE, readKeyFile('.')) },
    { path: ['audit', 'key'], file: fileOf(tree, ['audit', 'key'], DEFAULT_AUDIT_KEY, readKeyFile('.')) },
  ];
  return kept.flatMap(({ path, file }, at): Finding[] => {
    const met = file === undefined ? undefined : kept.slice(0, at).find((other) => other.file === file);
    if (met === undefined) return [];
    // Where one of the two is a default, it is the other that somebody wrote.
    const written = valueAt(tree, path) === undefined ? met.path : path;
    const names = `${met.path.join('.')} and ${path.join('.')}`;
    return [{ path: written, expected: `another file: ${names} would be the same` }];
  });
}

function fileOf(
  tree: unknown,
  path: readonly string[],
  otherwise: string,
  read: (text: string) => string | Unfit | undefined,
): string | undefined {
  const found = valueAt(tree, path);
  const text = found === undefined ? otherwise : found;
  const file = typeof text === 'string' ? read(text) : undefined;
  return typeof file === 'string' ? file : undefined;
}

function readSqlitePath(text: string): string | undefined {
  const store = readStore('.')(text);
  return store instanceof Unfit || store.kind !== 'sqlite' ? undefined : store.path;
}
