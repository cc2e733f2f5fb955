// The protobuf wire format, as far as OTLP uses it: https://protobuf.dev/programming-guides/encoding/

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH = 2;
const FIXED_32 = 5;

/** A message: the values of each field by its number, in order. What is not there is empty, as protobuf has it. */
export class Message {
  readonly #bytes = new Map<number, Buffer[]>();
  readonly #numbers = new Map<number, bigint[]>();

  /** @throws Error where it is no message */
  constructor(encoded: Buffer) {
    let at = 0;
    while (at < encoded.length) at = this.#readField(encoded, at);
  }

  has(field: number): boolean {
    return this.#bytes.has(field) || this.#numbers.has(field);
  }

  /** Of a repeated field. */
  all(field: number): readonly Buffer[] {
    return this.#bytes.get(field) ?? [];
  }

  bytes(field: number): Buffer {
    return this.all(field)[0] ?? Buffer.alloc(0);
  }

  text(field: number): string {
    return this.bytes(field).toString('utf8');
  }

  hex(field: number): string {
    return this.bytes(field).toString('hex');
  }

  message(field: number): Message {
    return new Message(this.bytes(field));
  }

  messages(field: number): Message[] {
    return this.all(field).map((encoded) => new Message(encoded));
  }

  number(field: number): bigint {
    return this.#numbers.get(field)?.[0] ?? 0n;
  }

  #readField(encoded: Buffer, from: number): number {
    const tag = readVarint(encoded, from);
    const field = Number(tag.value >> 3n);
    const type = Number(tag.value & 7n);
    switch (type) {
      case VARINT: {
        const { value, next } = readVarint(encoded, tag.next);
        add(this.#numbers, field, value);
        return next;
      }
      case FIXED_64:
        add(this.#numbers, field, encoded.readBigUInt64LE(tag.next));
        return tag.next + 8;
      case FIXED_32:
        add(this.#numbers, field, BigInt(encoded.readUInt32LE(tag.next)));
        return tag.next + 4;
      case LENGTH: {
        const length = readVarint(encoded, tag.next);
        const end = length.next + Number(length.value);
        if (end > encoded.length) throw new Error('a field that is cut off');
        add(this.#bytes, field, encoded.subarray(length.next, end));
        return end;
      }
      default:
        throw new Error(`the wire type ${type}`);
    }
  }
}

function readVarint(encoded: Buffer, from: number): { value: bigint; next: number } {
  let value = 0n;
  for (let at = from, shift = 0n; ; at++, shift += 7n) {
    const byte = encoded[at];
    if (byte === undefined) throw new Error('a varint that is cut off');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return { value, next: at + 1 };
  }
}

function add<T>(values: Map<number, T[]>, field: number, value: T): void {
  const known = values.get(field);
  if (known === undefined) values.set(field, [value]);
  else known.push(value);
}
