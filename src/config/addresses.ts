// Addresses as people write them: hosts, CIDRs, upstream origins, gateway URLs.
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { Unfit } from './units.ts';

export const LISTEN_HOST = 'an IP address or a host name to listen on, such as 127.0.0.1, 0.0.0.0 or "::"';
export const HOST_NAME = 'a host name such as eu.secrets.example';
export const CIDR = 'an IP address or a range such as 10.0.0.0/8 or fd00::/8';
export const UPSTREAM = 'the origin of an upstream, such as https://eu.onetimesecret.com';
export const WEB_URL = "the URL of that region's web pages, such as https://eu.onetimesecret.com";
export const SOURCE_URL = 'an https URL, or http on this machine, such as https://directory.corp.example/accounts';
export const GATEWAY_URL = "the URL of that region's gateway, such as https://eu.secrets.example";

/** An address to listen on. */
export function readListenHost(text: string): string | Unfit {
  if (isIP(text) !== 0 || isHostName(text)) return text;
  if (/^\[.*\]$/.test(text)) return new Unfit(LISTEN_HOST, 'Write an IPv6 address without brackets.');
  return new Unfit(LISTEN_HOST, /:\d+$/.test(text) ? 'The port has a key of its own.' : undefined);
}

/** A host name by which callers reach the gateway: lower case, in the form of a Host header, no port. */
export function readHostName(text: string): string | Unfit {
  if (text.includes('://')) return new Unfit(HOST_NAME, 'Write the name alone, without http:// or https://.');
  if (text.includes('*')) return new Unfit(HOST_NAME, 'Wildcards are not supported: write each name.');
  if (/:\d+$/.test(text) && isIP(text) === 0) return new Unfit(HOST_NAME, 'Write it without a port.');
  const name = domainToASCII(withoutFinalDot(text)).toLowerCase();
  return isHostName(name) || isIP(name) === 4 ? name : new Unfit(HOST_NAME);
}

/**
 * A CIDR in canonical text: host bits cleared, one address as /32 or /128, IPv4-mapped ranges as IPv4. A mapped range with the
 * length of an IPv4 one is refused: as it is written it is most of IPv6, which nobody means.
 */
export function readCidr(text: string): string | Unfit {
  const [address = '', length, ...rest] = text.split('/');
  if (isIP(address) === 0 || address.includes('%') || rest.length > 0) return new Unfit(CIDR);
  const bits = isIP(address) === 4 ? 32 : 128;
  if (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > bits)) {
    return new Unfit(`${CIDR}, with at most ${bits} bits`);
  }
  const prefix = length === undefined ? bits : Number(length);
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() && prefix < 96) {
    return new Unfit(CIDR, `Write it as ${parsed.toIPv4Address()} with the length of an IPv4 range.`);
  }
  return canonicalCidr(address, prefix);
}

function canonicalCidr(address: string, bits: number): string {
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv4) return `${ipaddr.IPv4.networkAddressFromCIDR(`${address}/${bits}`)}/${bits}`;
  if (parsed.isIPv4MappedAddress()) return canonicalCidr(parsed.toIPv4Address().toString(), bits - 96);
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`).toRFC5952String()}/${bits}`;
}

/** An upstream as its origin. */
export function readUpstream(text: string): string | Unfit {
  const url = readHttpUrl(text, UPSTREAM);
  if (url instanceof Unfit) return url;
  if (url.pathname !== '/')
    return new Unfit(UPSTREAM, 'Write it without a path: the gateway adds the path of the call.');
  if (!isServerName(url.hostname))
    return new Unfit(UPSTREAM, 'A host is an IP address, or letters, digits, -, _ and dots.');
  return ofNoRegion(url) ?? url.origin;
}

/** URLs allow quotation marks and more in a host, which no server has: it stands in logs as it is. */
function isServerName(hostname: string): boolean {
  return isHostName(withoutFinalDot(hostname)) || isIP(hostname) === 4 || isIP(hostname.slice(1, -1)) === 6;
}

function ofNoRegion(url: URL): Unfit | undefined {
  const host = withoutFinalDot(url.hostname);
  if (host !== 'onetimesecret.com' && host !== 'www.onetimesecret.com') return undefined;
  return new Unfit(
    'the host of one region',
    'This host is not a region: it serves several. Name the region, such as https://eu.onetimesecret.com.',
  );
}

/**
 * What two upstreams have in common when they are the same server: host and port, whatever the scheme where the port
 * is the scheme's own.
 */
export function upstreamIdentity(origin: string): string {
  const { hostname, port } = new URL(origin);
  return `${withoutFinalDot(hostname)}:${port}`;
}

/** The base URL of a gateway, without a trailing slash. */
export function readGatewayUrl(text: string): string | Unfit {
  const url = readHttpUrl(text, GATEWAY_URL);
  return url instanceof Unfit ? url : baseOf(url);
}

/** The base URL of a region's web pages, without a trailing slash. */
export function readWebUrl(text: string): string | Unfit {
  const url = readHttpUrl(text, WEB_URL);
  return url instanceof Unfit ? url : (ofNoRegion(url) ?? baseOf(url));
}

/** The URL of a directory that is asked for accounts: what it hears are names, and it decides where they go. */
export function readSourceUrl(text: string): string | Unfit {
  if (!/^https?:\/\/[^\s\\]+$/i.test(text)) return new Unfit(SOURCE_URL);
  const url = URL.parse(text);
  if (url === null || url.hash !== '') return new Unfit(SOURCE_URL);
  if (url.username !== '' || url.password !== '') return new Unfit(SOURCE_URL, 'Write the token under token.');
  if (url.searchParams.has('account')) return new Unfit(SOURCE_URL, 'The gateway adds account=NAME itself.');
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return new Unfit(SOURCE_URL, 'Over http anybody between could answer where an account lives: write https.');
  return url.href;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
}

function baseOf(url: URL): string {
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function readHttpUrl(text: string, expected: string): URL | Unfit {
  if (!/^https?:\/\/[^\s\\]+$/i.test(text)) {
    return new Unfit(expected, text.includes('://') ? undefined : 'Write it with https:// or http://.');
  }
  const url = URL.parse(text);
  if (url === null) return new Unfit(expected);
  if (url.username !== '' || url.password !== '' || text.includes('@')) {
    return new Unfit(expected, 'Write it without credentials: callers bring their own.');
  }
  if (text.includes('?')) return new Unfit(expected, 'Write it without a query.');
  if (text.includes('#')) return new Unfit(expected, 'Write it without a fragment.');
  return url;
}

/** Letters, digits, hyphens and dots; what ends in a number is no name but a mistyped address. */
function isHostName(text: string): boolean {
  if (text.length > 253 || /(^|\.)\d+$/.test(text)) return false;
  return /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i.test(text);
}

function withoutFinalDot(host: string): string {
  return host.endsWith('.') ? host.slice(0, -1) : host;
}
