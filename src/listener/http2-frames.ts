// Follows what a caller of HTTP/2 sends, frame by frame (RFC 9113, 4.1), beside nghttp2: what heads hold as they come, whether
// one is on its way, and which streams their caller has reset.
import { HeadReader } from './http2-hpack.ts';

const PREFACE_BYTES = 24;
const FRAME_HEAD_BYTES = 9;
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const CONTINUATION = 9;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const PRIORITY = 0x20;
/** What the connection's settings offer (RFC 9113, 4.2). */
const MOST_FRAME_BYTES = 16_384;
/** nghttp2 takes eight frames of one head behind the first. */
const MOST_BLOCK_BYTES = 9 * MOST_FRAME_BYTES;
/** What padding may be of a frame, which is nobody's body. */
const MOST_PADDING_BYTES = 256;
/** Whoever sends more heads than these, none of which becomes a request, means none. */
const MOST_UNTAKEN = 1000;
/** RFC 9113, 4.1: the bit beside it is nobody's. */
const STREAM_BITS = 0x7fff_ffff;

/** Of a request, as it came. */
export interface FramedHead {
  /** Whether every field is one. */
  readonly isSound: boolean;
  /** How many, pseudo-headers among them. */
  readonly fields: number;
  /** Packed, as it was sent. */
  readonly bytes: number;
}

export class FrameReader {
  /** Told of each stream that its caller resets, before nghttp2 is. */
  onReset: (stream: number) => void = () => {};
  readonly #heads = new HeadReader();
  /** By their streams, in order, until they are asked for. */
  readonly #untaken = new Map<number, FramedHead>();
  #lastStream = 0;
  #skipBytes = PREFACE_BYTES;
  /** What is there of a frame that has not come whole; empty but for the heads of frames, and frames of heads. */
  #rest: Buffer = Buffer.alloc(0);
  #block: Buffer[] = [];
  #blockBytes = 0;
  #isOpen = false;
  #isOver = false;
  #bodyBytes = 0;

  /** Nothing that comes can be read any more: nghttp2 ends such a connection, too. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Of bodies, so far: also of such as nobody reads, since they were answered before. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** Whether a head has begun to come and has not ended. */
  get isHeadOpen(): boolean {
    return this.#isOpen && !this.#isOver;
  }

  /** The head of a stream that has opened; asked once, and in the order in which they open. */
  takeHead(stream: number): FramedHead | undefined {
    const head = this.#untaken.get(stream);
    for (const earlier of this.#untaken.keys()) {
      if (earlier > stream) break;
      this.#untaken.delete(earlier);
    }
    return head;
  }

  /** @param chunk what comes next on the connection */
  read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length > 0 && !this.#isOver) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, bytes.length);
        this.#skipBytes -= skipped;
        bytes = bytes.subarray(skipped);
        continue;
      }
      if (bytes.length < FRAME_HEAD_BYTES) break;
      const end = FRAME_HEAD_BYTES + bytes.readUIntBE(0, 3);
      const type = bytes[3];
      if (type !== HEADERS && type !== CONTINUATION) {
        this.#skipBytes = end;
        if (type === DATA) this.#bodyBytes += bodyBytesOf(end - FRAME_HEAD_BYTES, bytes[4] ?? 0);
        else if (type === RST_STREAM) this.onReset(streamOf(bytes));
        continue;
      }
      this.#isOpen = true;
      if (end > FRAME_HEAD_BYTES + MOST_FRAME_BYTES) this.#isOver = true;
      else if (bytes.length < end) break;
      else this.#head(bytes.subarray(0, end), type);
      bytes = bytes.subarray(end);
    }
    // A copy, so that it does not hold all that came with it.
    this.#rest = bytes.length === 0 || this.#isOver ? Buffer.alloc(0) : Buffer.from(bytes);
  }

  /** @param frame whole */
  #head(frame: Buffer, type: number): void {
    const flags = frame[4] ?? 0;
    const fragment = fragmentOf(frame.subarray(FRAME_HEAD_BYTES), type, flags);
    // A copy where it has to wait: the bytes are nghttp2's by then.
    this.#block.push((flags & END_HEADERS) === 0 ? Buffer.from(fragment) : fragment);
    this.#blockBytes += fragment.length;
    if (this.#blockBytes > MOST_BLOCK_BYTES) this.#isOver = true;
    if ((flags & END_HEADERS) === 0 || this.#isOver) return;
    const [only] = this.#block;
    const verdict = this.#heads.read(
      this.#block.length === 1 && only !== undefined ? only : Buffer.concat(this.#block),
    );
    const stream = streamOf(frame);
    // What is no later one's is a trailer, which nobody asks for.
    if (stream > this.#lastStream) {
      const { fields } = this.#heads;
      this.#untaken.set(stream, { isSound: verdict === 'sound', fields, bytes: this.#blockBytes });
      this.#lastStream = stream;
    }
    this.#block = [];
    this.#blockBytes = 0;
    this.#isOpen = false;
    this.#isOver = verdict === 'broken' || this.#untaken.size > MOST_UNTAKEN;
  }
}

/** @param frame its head at least */
function streamOf(frame: Buffer): number {
  return frame.readUInt32BE(5) & STREAM_BITS;
}

function bodyBytesOf(length: number, flags: number): number {
  return (flags & PADDED) === 0 ? length : Math.max(0, length - MOST_PADDING_BYTES);
}

/** What a frame holds of a header block. */
function fragmentOf(payload: Buffer, type: number, flags: number): Buffer {
  if (type === CONTINUATION) return payload;
  const padding = (flags & PADDED) === 0 ? 0 : 1 + (payload[0] ?? 0);
  const start = (padding > 0 ? 1 : 0) + ((flags & PRIORITY) === 0 ? 0 : 5);
  return payload.subarray(start, payload.length - Math.max(padding - 1, 0));
}
