// Version 1 of the PROXY protocol's header: a line of text (proxy-protocol.txt, 2.1).
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { MALFORMED, PART, type ProxyHeader } from './proxy-protocol-header.ts';

/** With its line end. */
const LONGEST_BYTES = 107;
const LINE_END = '\r\n';
/** A line may be cut between its two last bytes. */
const PRINTABLE = /^[ -~]*\r?$/;
/** No zeros before a number: some readers take it for an octal one. */
const PORT = /^(0|[1-9]\d{0,4})$/;

/** @param bytes begin with its signature */
export function readV1(bytes: Buffer): ProxyHeader {
  const text = bytes.toString('latin1', 0, LONGEST_BYTES);
  const end = text.indexOf(LINE_END);
  const line = end === -1 ? text : text.slice(0, end);
  if (!PRINTABLE.test(line)) return MALFORMED;
  if (end === -1) return text.length < LONGEST_BYTES ? PART : MALFORMED;
  const lengthBytes = end + LINE_END.length;
  const [, family, ...fields] = line.split(' ');
  // What may stand behind it means nothing.
  if (family === 'UNKNOWN') return { kind: 'header', lengthBytes, address: undefined };
  const address = sourceOf(family, fields);
  return address === undefined ? MALFORMED : { kind: 'header', lengthBytes, address };
}

/** @param fields both addresses, then both ports. All are checked: a line that is half right is not believed in part */
function sourceOf(family: string | undefined, fields: readonly string[]): string | undefined {
  const [source = '', destination = '', ...ports] = fields;
  if (ports.length !== 2 || !ports.every((port) => PORT.test(port) && Number(port) <= 65_535)) return undefined;
  if (family === 'TCP4') return isIPv4(source) && isIPv4(destination) ? source : undefined;
  if (family !== 'TCP6' || !isPlainIPv6(source) || !isPlainIPv6(destination)) return undefined;
  return new SocketAddress({ address: source, family: 'ipv6' }).address;
}

/** Node also takes one with a zone, which means nothing on another machine. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}
