// Whose address a request comes from: the socket's, or what proxies that the operator trusts say of it.

import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';

/** Answers the client's address in canonical text (domain.ts, Caller), never with zone or port. */
export type ClientAddress = (socketAddress: string, forwardedFor: readonly string[]) => string;

/** More proxies than this in a row are nobody's network, but somebody's attack. */
const HOPS_LIMIT = 32;
/** Longer than any address with brackets, zone and port. */
const ENTRY_LIMIT_CHARACTERS = 100;
const PORT = /^:\d{1,5}$/;

/**
 * @param trustProxy CIDRs or single addresses, IPv4 or IPv6; IPv4-mapped ones are IPv4. `0.0.0.0/0` is every IPv4 peer and
 *   `::/0` every IPv6 peer, neither stands for the other. Throws a RangeError that names the entry it cannot read.
 * @returns a function of the socket's address and the lines of X-Forwarded-For in the order received. Only if the
 *   socket's address is trusted are they read, from right to left, the way they were appended: trusted addresses are
 *   skipped, the first other one is the client. An entry that is no address (an empty one too: what stands left of it was
 *   not written by a trusted proxy) ends the walk at the last good address; if all are trusted the leftmost counts.
 *   A socket address that is not an IP address is never trusted and returned as it is.
 */
export function createClientAddress(trustProxy: readonly string[]): ClientAddress {
  if (trustProxy.length === 0) return plainSocketAddress;
  const trusts = compileTrust(trustProxy);
  return (socketAddress, forwardedFor) => {
    const peer = canonical(socketAddress) ?? socketAddress;
    return forwardedFor.length === 0 || !trusts(peer) ? peer : walk(peer, forwardedFor, trusts);
  };
}

/**
 * @param cidrs as above. Throws a RangeError that names the entry it cannot read.
 * @returns whether a socket's address is one of them
 */
export function createTrust(cidrs: readonly string[]): (socketAddress: string) => boolean {
  const trusts = compileTrust(cidrs);
  return (socketAddress) => {
    const address = canonical(socketAddress);
    return address !== undefined && trusts(address);
  };
}

/** For every request where no proxy is trusted: the socket's text is canonical already but for a prefix or a zone. */
function plainSocketAddress(socketAddress: string): string {
  if (socketAddress.startsWith('::ffff:') && socketAddress.includes('.')) return socketAddress.slice(7);
  const zone = socketAddress.indexOf('%');
  return zone === -1 ? socketAddress : socketAddress.slice(0, zone);
}

/** At most HOPS_LIMIT entries are looked at, and no more of a line than the last of them needs. */
function walk(peer: string, lines: readonly string[], trusts: (address: string) => boolean): string {
  let client = peer;
  let hops = 0;
  for (let index = lines.length - 1; index >= 0; index--) {
    const line = lines[index] ?? '';
    let end = line.length;
    while (end >= 0) {
      const comma = end === 0 ? -1 : line.lastIndexOf(',', end - 1);
      const address = hops++ < HOPS_LIMIT ? entryAddress(line.slice(comma + 1, end)) : undefined;
      if (address === undefined) return client;
      client = address;
      if (!trusts(address)) return client;
      end = comma;
    }
  }
  return client;
}

/** `1.2.3.4`, `1.2.3.4:5678`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:443`, spaces around. */
function entryAddress(entry: string): string | undefined {
  const text = entry.trim();
  if (text.length > ENTRY_LIMIT_CHARACTERS) return undefined;
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    const host = text.slice(1, close);
    const rest = text.slice(close + 1);
    return close !== -1 && isIPv6(host) && (rest === '' || PORT.test(rest)) ? canonical(host) : undefined;
  }
  const colon = text.indexOf(':');
  if (colon !== -1 && text.indexOf(':', colon + 1) === -1) {
    const host = text.slice(0, colon);
    return isIPv4(host) && PORT.test(text.slice(colon)) ? host : undefined;
  }
  return canonical(text);
}

/**
 * Canonical text of an IP address, or undefined. By node's own parser: ipaddr.js reads `010.1` and `1` as IPv4, and
 * `::1.2.3.4` as the IPv4-mapped `::ffff:1.2.3.4`, which it is not.
 */
function canonical(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text)) return undefined;
  const zone = text.indexOf('%');
  const { address } = new SocketAddress({ address: zone === -1 ? text : text.slice(0, zone), family: 'ipv6' });
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** One list a family: a BlockList of its own takes `::/0` to hold every IPv4 address as well. */
function compileTrust(cidrs: readonly string[]): (address: string) => boolean {
  const v4 = new BlockList();
  const v6 = new BlockList();
  for (const cidr of cidrs) {
    const slash = cidr.indexOf('/');
    const text = slash === -1 ? cidr : cidr.slice(0, slash);
    const address = canonical(text);
    const bits = slash === -1 ? undefined : cidr.slice(slash + 1);
    if (address === undefined || (bits !== undefined && !/^\d{1,3}$/.test(bits))) throw unreadable(cidr);
    const isV4 = !address.includes(':');
    const widthBits = isV4 ? 32 : 128;
    const mappedBits = isV4 && text.includes(':') ? 96 : 0;
    const prefix = bits === undefined ? widthBits : Number(bits) - mappedBits;
    if (prefix < 0 || prefix > widthBits) throw unreadable(cidr);
    if (isV4) v4.addSubnet(address, prefix, 'ipv4');
    else v6.addSubnet(address, prefix, 'ipv6');
  }
  return (address) => (address.includes(':') ? v6.check(address, 'ipv6') : v4.check(address, 'ipv4'));
}

function unreadable(cidr: string): RangeError {
  return new RangeError(`not a CIDR or an address: ${JSON.stringify(cidr)}`);
}
