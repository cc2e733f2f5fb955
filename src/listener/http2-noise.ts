// What a connection of HTTP/2 may send that is of no request: SETTINGS, PING, PRIORITY, WINDOW_UPDATE, empty DATA, heads that
// are refused before they become a request, and frames that nobody knows. Each costs its sender less than its reader, and none
// is bounded by limits on requests. They are held to a rate, by their bytes.

export interface NoiseBounds {
  /** What may come at once. */
  readonly burstBytes: number;
  readonly bytesPerSecond: number;
}

/** An honest caller sends some hundred bytes a second, and most of that when a connection begins. */
const BOUNDS: NoiseBounds = { burstBytes: 256 * 1024, bytesPerSecond: 16 * 1024 };
/** Frame heads, acknowledgements, and windows for the answer of one request. */
const BYTES_A_REQUEST = 256;
/** One WINDOW_UPDATE, of 13 bytes, for a kilobyte that was taken. */
const SENT_BYTES_A_BYTE = 64;

/** What was received and sent on a connection since it was opened, in bytes. */
export interface Traffic {
  readonly received: number;
  readonly sent: number;
  readonly requests: number;
  /** Of heads and bodies of requests. */
  readonly useful: number;
}

export class Noise {
  readonly #bounds: NoiseBounds;
  #leftBytes: number;
  #noiseBytes = 0;

  constructor(bounds: NoiseBounds = BOUNDS) {
    this.#bounds = bounds;
    this.#leftBytes = bounds.burstBytes;
  }

  /** @param passedMs since it was last asked @returns whether it is more than is allowed */
  isTooMuch({ received, sent, requests, useful }: Traffic, passedMs: number): boolean {
    const { burstBytes, bytesPerSecond } = this.#bounds;
    const noise = Math.max(received - useful - requests * BYTES_A_REQUEST - sent / SENT_BYTES_A_BYTE, this.#noiseBytes);
    const refill = (passedMs / 1000) * bytesPerSecond;
    this.#leftBytes = Math.min(burstBytes, this.#leftBytes + refill) - (noise - this.#noiseBytes);
    this.#noiseBytes = noise;
    return this.#leftBytes < 0;
  }
}
