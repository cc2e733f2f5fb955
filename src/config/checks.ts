// What one key says of another. These look at the plain values, not at the schema's result, so that one mistake does
// not hide the next; what the schema refuses by itself is passed over here.
import { isIP } from 'node:net';
import { readHostName, readUpstream, upstreamIdentity } from './addresses.ts';
import { checkOrder, checkSource, checkTokens } from './checks-operators.ts';
import { checkFiles, checkPassthrough, checkWeb } from './checks-paths.ts';
import { readAccount, readDomain, readRegionName } from './names.ts';
import { type Finding, type Places, valueAt } from './places.ts';
import { didYouMean, type Path } from './problem.ts';
import { admin, listen } from './schema.ts';
import { Unfit } from './units.ts';
import { Firsts, keysAt, textsAt } from './walk.ts';

export { keysAt } from './walk.ts';

/** Everything that is wrong between keys of a configuration. */
export function checkConfig(tree: unknown, places: Places): Finding[] {
  const names = keysAt(tree, ['regions']);
  return [
    ...checkListeners(tree),
    ...checkProxyProtocol(tree),
    ...names.flatMap((name) => checkRegionName(name)),
    ...checkTls(tree, names),
    ...checkServers(tree, names, places),
    ...checkWeb(tree, names, places),
    ...checkPassthrough(tree, names, places),
    ...checkFiles(tree),
    ...checkOrder(tree, places),
    ...checkSource(tree),
    ...checkTokens(tree, places),
    ...checkRules(tree, places),
    ...checkSelf(tree, names),
  ];
}

function checkListeners(tree: unknown): Finding[] {
  const placeOf = (key: string): unknown => valueAt(tree, ['listen', key]);
  const callers = listen('.').safeParse({ host: placeOf('host'), port: placeOf('port') });
  const operators = admin.safeParse(valueAt(tree, ['admin']) ?? {});
  if (!callers.success || !operators.success) return [];
  const hosts = [callers.data.host, operators.data.host];
  const meet = hosts[0] === hosts[1] || hosts.some(isEveryAddress);
  if (callers.data.port === 0 || callers.data.port !== operators.data.port || !meet) return [];
  const path = [valueAt(tree, ['admin', 'port']) === undefined ? 'listen' : 'admin', 'port'];
  return [{ path, expected: 'another port: listen and admin would meet on the same address' }];
}

/** Where nobody's header is taken, every load balancer's connections would be refused, and nobody would know why. */
function checkProxyProtocol(tree: unknown): Finding[] {
  const trusted = valueAt(tree, ['listen', 'trustProxy']) ?? [];
  const isNobody = Array.isArray(trusted) && trusted.length === 0;
  if (valueAt(tree, ['listen', 'proxyProtocol']) !== true || !isNobody) return [];
  const expected = 'false, or in listen.trustProxy the addresses of the load balancers that send a PROXY header';
  return [{ path: ['listen', 'proxyProtocol'], expected }];
}

function isEveryAddress(host: string): boolean {
  return isIP(host) !== 0 && /^[0:.]+$/.test(host);
}

function checkRegionName(name: string): Finding[] {
  const read = readRegionName(name);
  if (!(read instanceof Unfit)) return [];
  return [{ path: ['regions', name], found: JSON.stringify(name), expected: read.expected }];
}

/** One upstream in two regions would make a pin worth nothing; one host name in two regions would name neither. */
function checkServers(tree: unknown, names: readonly string[], places: Places): Finding[] {
  const upstreams = new Firsts(places);
  const hosts = new Firsts(places);
  return names.flatMap((name) => [
    ...textsAt(tree, ['regions', name, 'upstreams']).flatMap(([path, text]) => {
      const line = upstreams.lineBefore(readIdentity(text), path);
      const rule = `line ${line} has the same server, and a server is in one region`;
      return line === undefined ? [] : [{ path, expected: `an upstream that is not listed yet: ${rule}` }];
    }),
    ...textsAt(tree, ['regions', name, 'hosts']).flatMap(([path, text]) => {
      const line = hosts.lineBefore(readHostName(text), path);
      const expected = `a host name that is not listed yet: line ${line} has the same`;
      return line === undefined ? [] : [{ path, expected }];
    }),
  ]);
}

/** What is said of TLS to a region without it would be believed for nothing. */
function checkTls(tree: unknown, names: readonly string[]): Finding[] {
  return names.flatMap((name) => {
    const path = ['regions', name, 'tls'];
    const plain = textsAt(tree, ['regions', name, 'upstreams']).find(([, text]) => /^http:/i.test(text));
    if (valueAt(tree, path) === undefined || plain === undefined) return [];
    return [{ path, expected: 'upstreams that all begin with https:// where the region has tls' }];
  });
}

function readIdentity(upstream: string): string | Unfit {
  const origin = readUpstream(upstream);
  return origin instanceof Unfit ? origin : upstreamIdentity(origin);
}

function checkRules(tree: unknown, places: Places): Finding[] {
  const rules = valueAt(tree, ['accounts', 'rules']);
  if (!Array.isArray(rules)) return [];
  const accounts = new Firsts(places);
  const domains = new Firsts(places);
  return rules.flatMap((rule: unknown, index) => {
    const path = ['accounts', 'rules', index];
    if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) return [];
    return [...checkWho(rule, path), ...checkReached(rule, path, accounts, domains), ...checkAlso(rule, path)];
  });
}

function checkWho(rule: object, path: Path): Finding[] {
  const both = Object.hasOwn(rule, 'account') && Object.hasOwn(rule, 'domain');
  const neither = !Object.hasOwn(rule, 'account') && !Object.hasOwn(rule, 'domain');
  if (!both && !neither) return [];
  return [
    {
      path,
      found: both ? 'both account and domain' : 'neither account nor domain',
      expected: 'exactly one of the two',
    },
  ];
}

/** The first rule that matches wins: a rule behind one that matches all it could match is a mistake. */
function checkReached(rule: object, path: Path, accounts: Firsts, domains: Firsts): Finding[] {
  const findings: Finding[] = [];
  const dead = (line: number) => `that no rule above matches: line ${line} does, so this rule could never match`;
  const { account, domain } = { account: valueAt(rule, ['account']), domain: valueAt(rule, ['domain']) };
  if (typeof account === 'string') {
    const name = readAccount(account);
    const at = [...path, 'account'];
    const line = accounts.lineBefore(name, at) ?? (name instanceof Unfit ? undefined : domains.lineOf(domainOf(name)));
    if (line !== undefined) findings.push({ path: at, expected: `an account ${dead(line)}` });
  }
  if (typeof domain === 'string') {
    const at = [...path, 'domain'];
    const line = domains.lineBefore(readDomain(domain), at);
    if (line !== undefined) findings.push({ path: at, expected: `a domain ${dead(line)}` });
  }
  return findings;
}

/** Empty for an account without `@`. */
function domainOf(account: string): string {
  const at = account.lastIndexOf('@');
  return at === -1 ? '' : account.slice(at + 1);
}

function checkAlso(rule: object, path: Path): Finding[] {
  return textsAt(rule, ['also'])
    .filter(([, name]) => name === valueAt(rule, ['region']))
    .map(([at]) => ({ path: [...path, ...at], expected: "regions other than the rule's own" }));
}

/** Where a gateway serves one region only, callers of the others are told where to go. */
function checkSelf(tree: unknown, names: readonly string[]): Finding[] {
  const known = keysAt(tree, ['self', 'gateways']);
  const strangers = known
    .filter((name) => names.length > 0 && !names.includes(name))
    .map((name): Finding => {
      const hint = didYouMean(name, names);
      const expected = `the name of a region (${names.join(', ')})`;
      return {
        path: ['self', 'gateways', name],
        found: JSON.stringify(name),
        expected,
        ...(hint === undefined ? {} : { hint }),
      };
    });
  const own = valueAt(tree, ['self', 'region']);
  if (typeof own !== 'string' || !names.includes(own)) return strangers;
  const missing = names.filter((name) => name !== own && !known.includes(name));
  if (missing.length === 0) return strangers;
  const expected = `the URL of every other region's gateway: callers of ${missing.join(', ')} would not be told where to go`;
  return [...strangers, { path: ['self', 'gateways'], found: `no gateway of ${missing.join(', ')}`, expected }];
}
