// Reads the header of the PROXY protocol, by which a load balancer says for whom it has opened a connection (HAProxy's
// proxy-protocol.txt). Pure: from the first bytes of a connection to what they say.
import { MISSING, PART, type ProxyHeader } from './proxy-protocol-header.ts';
import { readV1 } from './proxy-protocol-v1.ts';
import { readV2 } from './proxy-protocol-v2.ts';

/** Neither begins like an HTTP request or a TLS handshake, nor like the other. */
const VERSION_1 = Buffer.from('PROXY ', 'latin1');
const VERSION_2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** What comes behind the header is the caller's, and not looked at. Never throws. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (beginsWith(bytes, VERSION_1)) return bytes.length < VERSION_1.length ? PART : readV1(bytes);
  if (beginsWith(bytes, VERSION_2)) return bytes.length < VERSION_2.length ? PART : readV2(bytes);
  return MISSING;
}

/** As far as there is anything. */
function beginsWith(bytes: Buffer, signature: Buffer): boolean {
  const known = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, known, 0, known) === 0;
}
