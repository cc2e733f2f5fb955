// `store`: a file of the embedded engine, or the URL of Valkey or Redis.
import { isIP } from 'node:net';
import { readPath } from './paths.ts';
import type { StoreConfig, ValkeyStoreConfig } from './types.ts';
import { Unfit } from './units.ts';

export const STORE = 'sqlite:PATH, or valkey://HOST:PORT (valkeys:// with TLS; redis:// and rediss:// are the same)';
export const DEFAULT_STORE = 'sqlite:data/gateway.db';

const SCHEMES: ReadonlyMap<string, { readonly tls: boolean }> = new Map([
  ['valkey', { tls: false }],
  ['redis', { tls: false }],
  ['valkeys', { tls: true }],
  ['rediss', { tls: true }],
]);
const PORT = 6379;
const SENTINEL_PORT = 26_379;
const OPTIONS = ['sentinel', 'sentinelPassword', 'cluster', 'prefix', 'ca'] as const;
type Options = Partial<Record<(typeof OPTIONS)[number], string>>;

/** `sqlite:PATH`, relative to `folder`, `sqlite::memory:`, or a server's URL. */
export function readStore(folder: string): (text: string) => StoreConfig | Unfit {
  return (text) => {
    const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(text) ?? [];
    if (scheme === undefined) return new Unfit(STORE, 'Write it with sqlite: or valkey:// in front.');
    const known = SCHEMES.get(scheme.toLowerCase());
    if (known !== undefined && scheme === scheme.toLowerCase()) return readServer(rest, known.tls, folder);
    if (known === undefined && scheme.toLowerCase() !== 'sqlite')
      return new Unfit(STORE, 'There are sqlite, valkey, valkeys, redis and rediss.');
    if (scheme !== 'sqlite') return new Unfit(STORE, `Write ${scheme.toLowerCase()} in lower case.`);
    return readFile(rest, folder);
  };
}

function readFile(path: string, folder: string): StoreConfig | Unfit {
  if (path === ':memory:') return { kind: 'sqlite', path };
  if (path.startsWith('//')) return new Unfit(STORE, 'Write the path right behind the colon, without //.');
  const file = readPath(path, folder, STORE);
  return file instanceof Unfit ? file : { kind: 'sqlite', path: file };
}

/** `//[USER:PASSWORD@]HOST[:PORT][,HOST...][/DB][?OPTIONS]`. No message shows any of it: it may hold a password. */
function readServer(rest: string, tls: boolean, folder: string): ValkeyStoreConfig | Unfit {
  const [, userinfo, hosts = '', path = '', query = ''] =
    /^\/\/(?:([^@/?#]*)@)?([^@/?#]+)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(rest) ?? [];
  if (hosts === '')
    return new Unfit(STORE, 'Write it as valkey://HOST:PORT; signs such as @ and / of a password as %40.');
  const options = readOptions(query);
  if (options instanceof Unfit) return options;
  const { sentinel, sentinelPassword, prefix = 'otgw:', ca } = options;
  const mode = sentinel !== undefined ? 'sentinel' : options.cluster !== undefined ? 'cluster' : 'single';
  const nodes: { host: string; port: number }[] = [];
  for (const text of hosts.split(',')) {
    const node = readNode(text, mode === 'sentinel' ? SENTINEL_PORT : PORT);
    if (node instanceof Unfit) return node;
    nodes.push(node);
  }
  if (mode === 'single' && nodes.length > 1)
    return new Unfit(STORE, 'Several hosts are Sentinels (add ?sentinel=NAME) or nodes of a cluster (?cluster=true).');
  const db = readDatabase(path, mode);
  if (db instanceof Unfit) return db;
  const caFile = ca === undefined ? undefined : readPath(ca, folder, STORE);
  if (caFile instanceof Unfit) return caFile;
  if (caFile !== undefined && !tls) return new Unfit(STORE, 'A ca is for TLS: write valkeys:// or rediss://.');
  const credentials = readUserinfo(userinfo);
  if (credentials instanceof Unfit) return credentials;
  return {
    kind: 'valkey',
    mode,
    nodes,
    db,
    tls,
    prefix,
    ...credentials,
    ...(sentinel === undefined ? {} : { sentinel }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(caFile === undefined ? {} : { caFile }),
  };
}

function readOptions(query: string): Options | Unfit {
  const options: Options = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const known = OPTIONS.find((option) => option === name);
    if (known === undefined) return new Unfit(STORE, `Behind the ? there are ${OPTIONS.join(', ')}.`);
    if (value === '' || options[known] !== undefined) return new Unfit(STORE, `Write ${known} once, with a value.`);
    options[known] = value;
  }
  if (options.cluster !== undefined && options.cluster !== 'true') return new Unfit(STORE, 'Write cluster=true.');
  if (options.cluster !== undefined && options.sentinel !== undefined)
    return new Unfit(STORE, 'Sentinel and cluster are two things: write one of them.');
  if (options.sentinelPassword !== undefined && options.sentinel === undefined)
    return new Unfit(STORE, 'sentinelPassword needs sentinel=NAME.');
  // Braces would put all keys of a cluster into one slot.
  if (options.prefix !== undefined && !/^[\w:.-]{1,32}$/.test(options.prefix))
    return new Unfit(STORE, 'A prefix is up to 32 letters, digits and : . _ -');
  return options;
}

function readNode(text: string, defaultPort: number): { host: string; port: number } | Unfit {
  const [, bracketed, plain = '', digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  const isHost = bracketed === undefined ? /^[\w.-]+$/.test(host) : isIP(host) === 6;
  if (!isHost || port < 1 || port > 65_535) return new Unfit(STORE, 'A host is HOST or HOST:PORT; IPv6 in brackets.');
  return { host, port };
}

function readDatabase(path: string, mode: ValkeyStoreConfig['mode']): number | Unfit {
  const [, digits = ''] = /^\/?(\d{0,4})$/.exec(path) ?? [undefined, 'x'];
  if (!/^\d*$/.test(digits)) return new Unfit(STORE, 'Behind the host stands the number of a database, such as /0.');
  if (mode === 'cluster' && Number(digits) !== 0) return new Unfit(STORE, 'A cluster has database 0 alone.');
  return Number(digits);
}

function readUserinfo(text: string | undefined): { username?: string; password?: string } | Unfit {
  if (text === undefined) return {};
  const colon = text.indexOf(':');
  if (colon === -1) return new Unfit(STORE, 'In front of the @ stands USER:PASSWORD or :PASSWORD.');
  try {
    const username = decodeURIComponent(text.slice(0, colon));
    const password = decodeURIComponent(text.slice(colon + 1));
    // Empty where a variable is: none.
    return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
  } catch {
    return new Unfit(STORE, 'A % in a password is written as %25.');
  }
}

/** The same as a person may read it: made of what was understood, without user, passwords and what they are part of. */
export function describeStore(written: unknown, folder: string): string {
  const store = readStore(folder)(String(written));
  if (store instanceof Unfit) return '(hidden)';
  if (store.kind === 'sqlite') return String(written);
  const { tls, nodes, db, mode, sentinel, prefix, caFile, username, password } = store;
  const user = username === undefined && password === undefined ? '' : '(hidden)@';
  const hosts = nodes.map(({ host, port }) => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`).join(',');
  const options = [
    ...(sentinel === undefined ? [] : [`sentinel=${sentinel}`]),
    ...(mode === 'cluster' ? ['cluster=true'] : []),
    `prefix=${prefix}`,
    ...(caFile === undefined ? [] : [`ca=${caFile}`]),
  ];
  return `${tls ? 'valkeys' : 'valkey'}://${user}${hosts}/${db}?${options.join('&')}`;
}
