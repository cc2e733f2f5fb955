// The URL by which a caller reached the gateway, for the examples that are shown to that caller.

/** A host name or an address, with or without a port; nothing that could mean more than that in a shell or a page. */
const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?$/i;
const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?$/i;

/**
 * Where TLS ends before the gateway, it cannot see it: on the way to another machine it is taken for granted, since
 * the examples send credentials. No forwarding header is believed: the page may be cached for others.
 * @param hosts the values of the Host header
 * @param isSecure whether this listener speaks TLS itself
 */
export function baseUrl(hosts: readonly string[], isSecure: boolean): string {
  const [host = ''] = hosts;
  if (hosts.length !== 1 || !HOST.test(host)) return 'https://GATEWAY';
  return `${LOOPBACK.test(host) && !isSecure ? 'http' : 'https'}://${host.toLowerCase()}`;
}
