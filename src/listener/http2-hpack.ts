// Reads header blocks of HTTP/2 (RFC 7541) for one thing alone: whether every field is one. nghttp2 leaves out a field whose
// name is no token or whose value holds a control character, and Node says nothing of it: a request would go on without the
// Authorization, or the Onetime-Region, that it came with. Strings are judged, and not kept.
import { decodeHuffman } from './http2-huffman.ts';

/** How long the names of the static table are (RFC 7541, appendix A), from its index 1 on. */
const STATIC_NAMES = [
  ':authority :method :method :path :path :scheme :scheme :status :status :status :status :status :status :status',
  'accept-charset accept-encoding accept-language accept-ranges accept access-control-allow-origin age allow authorization',
  'cache-control content-disposition content-encoding content-language content-length content-location content-range',
  'content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range',
  'if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh',
  'retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate',
]
  .join(' ')
  .split(' ')
  .map((name) => name.length);

/** Of the table in which a caller may keep fields until it has heard that it may not (RFC 9113, 6.5.2). */
const TABLE_BYTES = 4096;
/** RFC 7541, 4.1. */
const ENTRY_BYTES = 32;
/** No string, and no index, of one block is larger. */
const MOST = 2 ** 24;

/** RFC 9110, 5.6.2, in lower case (RFC 9113, 8.2.1); RFC 9110, 5.5. */
const NAME_BYTES = allowed((byte) => /[!#$%&'*+\-.^_`|~0-9a-z]/.test(String.fromCharCode(byte)));
const VALUE_BYTES = allowed((byte) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f));
const COLON = 0x3a;

function allowed(isAllowed: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (isAllowed(byte) ? 1 : 0));
}

interface Part {
  readonly length: number;
  readonly sound: boolean;
}

interface Entry {
  readonly name: Part;
  readonly sound: boolean;
  readonly bytes: number;
}

/** `broken`: it cannot be read, and nghttp2 ends the connection for that. */
export type Verdict = 'sound' | 'unsound' | 'broken';

class Broken extends Error {}

/** Of one connection, which is read in its order and without a gap. */
export class HeadReader {
  /** The newest one last. */
  #table: Entry[] = [];
  #tableBytes = 0;
  #mostBytes = TABLE_BYTES;
  #block: Uint8Array = new Uint8Array();
  #at = 0;
  /** Of the block that was read last. */
  fields = 0;

  /** @param block of one head or trailer, whole */
  read(block: Uint8Array): Verdict {
    this.#block = block;
    this.#at = 0;
    this.fields = 0;
    let sound = true;
    try {
      while (this.#at < block.length) sound = this.#field() && sound;
    } catch (error) {
      if (error instanceof Broken) return 'broken';
      throw error;
    } finally {
      this.#block = new Uint8Array();
    }
    return sound ? 'sound' : 'unsound';
  }

  /** RFC 7541, 6. */
  #field(): boolean {
    const first = this.#block[this.#at] ?? 0;
    // No field: the size of the table.
    if (first >= 0x20 && first < 0x40) return this.#resize(this.#integer(5));
    this.fields++;
    if (first >= 0x80) return this.#entry(this.#integer(7)).sound;
    if (first >= 0x40) return this.#literal(6, true);
    return this.#literal(4, false);
  }

  #literal(prefixBits: number, isKept: boolean): boolean {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string(NAME_BYTES) : this.#entry(index).name;
    const value = this.#string(VALUE_BYTES);
    const sound = name.sound && name.length > 0 && value.sound;
    if (isKept) this.#keep({ name, sound, bytes: name.length + value.length + ENTRY_BYTES });
    return sound;
  }

  #entry(index: number): Entry {
    const length = STATIC_NAMES[index - 1];
    if (length !== undefined) return { name: { length, sound: true }, sound: true, bytes: 0 };
    const entry = this.#table[this.#table.length - (index - STATIC_NAMES.length)];
    if (entry === undefined) throw new Broken();
    return entry;
  }

  #keep(entry: Entry): void {
    this.#table.push(entry);
    this.#tableBytes += entry.bytes;
    this.#evict();
  }

  #resize(mostBytes: number): true {
    if (mostBytes > TABLE_BYTES) throw new Broken();
    this.#mostBytes = mostBytes;
    this.#evict();
    return true;
  }

  #evict(): void {
    while (this.#tableBytes > this.#mostBytes) this.#tableBytes -= this.#table.shift()?.bytes ?? this.#tableBytes;
  }

  /** RFC 7541, 5.1. */
  #integer(prefixBits: number): number {
    const most = 2 ** prefixBits - 1;
    let value = this.#byte() & most;
    if (value < most) return value;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (value > MOST) throw new Broken();
      if (byte < 0x80) return value;
    }
  }

  /** RFC 7541, 5.2. */
  #string(allowedBytes: Uint8Array): Part {
    const isHuffman = (this.#block[this.#at] ?? 0) >= 0x80;
    const bytes = this.#integer(7);
    const begin = this.#at;
    const end = begin + bytes;
    if (end > this.#block.length) throw new Broken();
    this.#at = end;
    let length = 0;
    let sound = true;
    const take = (byte: number): void => {
      // A pseudo-header begins with a colon; what it is called and worth, nghttp2 judges.
      if (allowedBytes[byte] !== 1 && !(allowedBytes === NAME_BYTES && byte === COLON && length === 0)) sound = false;
      length++;
    };
    if (!isHuffman) for (let at = begin; at < end; at++) take(this.#block[at] ?? 0);
    else if (!decodeHuffman(this.#block, begin, end, take)) throw new Broken();
    return { length, sound };
  }

  #byte(): number {
    const byte = this.#block[this.#at++];
    if (byte === undefined) throw new Broken();
    return byte;
  }
}
