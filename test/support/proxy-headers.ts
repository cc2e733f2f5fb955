// Headers of the PROXY protocol, as load balancers make them, and as none should.

export const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A line of version 1. */
export const lineV1 = (family: string, source: string, destination = family === 'TCP6' ? '2001:db8::5' : '192.0.2.5') =>
  Buffer.from(`PROXY ${family} ${source} ${destination} 40001 443\r\n`, 'latin1');

export interface V2 {
  /** Version and command; else PROXY. */
  readonly command?: number;
  /** Family and protocol; else TCP over IPv4. */
  readonly family?: number;
  /** Addresses and ports. */
  readonly addresses?: Uint8Array;
  /** Further information, as type and value. */
  readonly pieces?: readonly (readonly [number, Uint8Array])[];
  /** In place of the true one. */
  readonly length?: number;
}

/** From 203.0.113.9 to 192.0.2.5. */
export const TCP4_ADDRESSES = Buffer.from('cb007109c00002059c4101bb', 'hex');
/** From 2001:db8::7 to 2001:db8::5. */
export const TCP6_ADDRESSES = Buffer.from(
  '20010db800000000000000000000000720010db80000000000000000000000059c4101bb',
  'hex',
);

/** A header of version 2. */
export function headerV2({ command = 0x21, family = 0x11, addresses = TCP4_ADDRESSES, pieces = [], length }: V2 = {}) {
  const parts = pieces.map(([type, value]) => {
    const head = Buffer.from([type, value.length >> 8, value.length & 0xff]);
    return Buffer.concat([head, value]);
  });
  const rest = Buffer.concat([addresses, ...parts]);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(length ?? rest.length);
  return Buffer.concat([SIGNATURE, Buffer.from([command, family]), size, rest]);
}

/** The same with a checksum at its end. @param wrong added to it */
export function summedV2({ pieces = [], ...more }: V2 = {}, wrong = 0): Buffer {
  const header = headerV2({ ...more, pieces: [...pieces, [0x03, Buffer.alloc(4)]] });
  header.writeUInt32BE((crc32(header) + wrong) >>> 0, header.length - 4);
  return header;
}

/** RFC 9260's checksum bit by bit, as it is defined: written apart from the one that is tested. */
function crc32(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const divides = ((remainder ^ (byte >> bit)) & 1) === 1;
      remainder = (remainder >>> 1) ^ (divides ? 0x82f63b78 : 0);
    }
  }
  return ~remainder >>> 0;
}
