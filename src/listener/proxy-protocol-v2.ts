// Version 2 of the PROXY protocol's header: binary (proxy-protocol.txt, 2.2).
import { SocketAddress } from 'node:net';
import { crc32c } from './crc32c.ts';
import { MALFORMED, PART, type ProxyHeader } from './proxy-protocol-header.ts';

/** Signature, version and command, family and protocol, and the length of what follows. */
const FIXED_BYTES = 16;
const COMMAND_AT = 12;
const FAMILY_AT = 13;
const LENGTH_AT = 14;
/** Of what follows: what load balancers send, also with the names on a certificate, has some hundred bytes. */
const MOST_BYTES = 4096;

const LOCAL = 0x20;
const PROXY = 0x21;

/** Bytes of both addresses with their ports, by family and protocol: these pairs exist, and no others. */
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [0x00, 0],
  [0x11, 12],
  [0x12, 12],
  [0x21, 36],
  [0x22, 36],
  [0x31, 216],
  [0x32, 216],
]);
const TCP4 = 0x11;
const TCP6 = 0x21;

/** Of a piece of further information: its type, and its length. */
const PIECE_HEAD_BYTES = 3;
const CHECKSUM_TYPE = 0x03;
const CHECKSUM_BYTES = 4;

/** @param bytes begin with its signature */
export function readV2(bytes: Buffer): ProxyHeader {
  const command = bytes[COMMAND_AT];
  if (command === undefined) return PART;
  if (command !== LOCAL && command !== PROXY) return MALFORMED;
  if (bytes.length < FIXED_BYTES) return PART;
  const lengthBytes = FIXED_BYTES + bytes.readUInt16BE(LENGTH_AT);
  if (lengthBytes > FIXED_BYTES + MOST_BYTES) return MALFORMED;
  const isOwn = command === LOCAL;
  const family = bytes[FAMILY_AT] ?? 0;
  const addressBytes = ADDRESS_BYTES.get(family);
  // Of a connection of its own a load balancer may say anything: it is to be passed over.
  if (!isOwn && (addressBytes === undefined || lengthBytes < FIXED_BYTES + addressBytes)) return MALFORMED;
  if (bytes.length < lengthBytes) return PART;
  if (isOwn || family === 0 || addressBytes === undefined) return { kind: 'header', lengthBytes, address: undefined };
  const header = bytes.subarray(0, lengthBytes);
  if (!isSound(header, FIXED_BYTES + addressBytes)) return MALFORMED;
  return { kind: 'header', lengthBytes, address: sourceOf(header, family) };
}

/** @returns undefined for what is no TCP: as if it were not known for whom the connection is */
function sourceOf(header: Buffer, family: number): string | undefined {
  if (family === TCP4) return header.subarray(FIXED_BYTES, FIXED_BYTES + 4).join('.');
  if (family !== TCP6) return undefined;
  const groups = Array.from({ length: 8 }, (_, at) => header.readUInt16BE(FIXED_BYTES + 2 * at).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

/**
 * Whether the pieces of further information fill what there is, and the checksum is right where there is one (2.2.3). Nothing
 * else of them is used.
 * @param from where they begin
 */
function isSound(header: Buffer, from: number): boolean {
  let at = from;
  let checksumAt: number | undefined;
  while (at < header.length) {
    if (at + PIECE_HEAD_BYTES > header.length) return false;
    const valueAt = at + PIECE_HEAD_BYTES;
    const valueBytes = header.readUInt16BE(at + 1);
    if (header[at] === CHECKSUM_TYPE) {
      if (checksumAt !== undefined || valueBytes !== CHECKSUM_BYTES) return false;
      checksumAt = valueAt;
    }
    at = valueAt + valueBytes;
  }
  return at === header.length && (checksumAt === undefined || isIntact(header, checksumAt));
}

function isIntact(header: Buffer, checksumAt: number): boolean {
  const summed = Buffer.from(header).fill(0, checksumAt, checksumAt + CHECKSUM_BYTES);
  return crc32c(summed) === header.readUInt32BE(checksumAt);
}
