// Bounds of the front door (docs/limits.md): what one request may be, how slowly it may come, and how many connections there
// may be.
import { z } from 'zod';
import { duration, section, size, text, whole } from './fields.ts';
import { readSizeBytes, SIZE, Unfit } from './units.ts';

const RATE = 'off, or a size a second such as 512B/s or 1KiB/s';

/** `1KiB/s` as bytes a second; `off` as undefined. */
function readRate(text: string): number | undefined | Unfit {
  if (text === 'off') return undefined;
  const bytes = text.endsWith('/s') ? readSizeBytes(text.slice(0, -'/s'.length)) : undefined;
  return typeof bytes === 'number' ? bytes : new Unfit(RATE);
}

/** A size from `least` to `most` bytes, of which `words` tells. */
function sizeWithin(least: number, most: number, words: string) {
  const error = `${SIZE}; ${words}`;
  return size().refine((bytes) => bytes >= least && bytes <= most, { error });
}

function wholeOrOff(least: number, most: number) {
  const expected = `off or a whole number from ${least} to ${most}`;
  const read = (given: string): number | undefined | Unfit => {
    if (given === 'off') return undefined;
    const count = /^\d{1,15}$/.test(given) ? Number(given) : -1;
    return count >= least && count <= most ? count : new Unfit(expected);
  };
  // A number, or its text: it may come from the environment.
  return z.preprocess((value) => (typeof value === 'number' ? String(value) : value), text(expected, read));
}

/** More than a process has descriptors for. */
const MOST_CONNECTIONS = 1_000_000;
const MOST_REQUESTS = 1_000_000_000;

/** Keys of `listen`. */
export const connectionKeys = {
  maxConnections: whole(1, MOST_CONNECTIONS)
    .prefault(10_000)
    .describe(
      'Connections of callers in all. Beyond that the longest unused one makes place, or the new one gets 503.',
    ),
  maxConnectionsPerAddress: wholeOrOff(1, MOST_CONNECTIONS)
    .prefault('off')
    .describe('Connections of one client address (IPv6: limits.anonymousRetrieval.ipv6Prefix); further ones get 503.'),
  maxRequestsPerConnection: wholeOrOff(1, MOST_REQUESTS)
    .prefault(10_000)
    .describe('Requests on one connection; the last one’s answer says Connection: close.'),
  idleTimeout: duration().prefault('72s').describe('How long an unused connection is kept.'),
};

export const request = section({
  bodyLimit: size().prefault('2MiB').describe('Larger bodies of callers are refused.'),
  timeout: duration().prefault('30s').describe('How long a caller may take to send a request.'),
  headersTimeout: duration()
    .prefault('10s')
    .describe('How long it may take for the head of it: request line and headers.'),
  headerBytes: sizeWithin(1024, 1_048_576, 'from 1KiB to 1MiB')
    .prefault('16KiB')
    .describe('Headers of a request, names and values with four bytes for each between and behind them.'),
  headerCount: whole(1, 10_000).prefault(100).describe('How many headers a request may have.'),
  targetLength: sizeWithin(64, 1_048_576, 'from 64B to 1MiB').prefault('8KiB').describe('Path and query of a request.'),
  minRate: text(RATE, readRate)
    .prefault('1KiB/s')
    .describe('How much of a request has to come in a second, on average, once it has taken minRateAfter.'),
  minRateAfter: duration().prefault('5s').describe('How long a request may take to come, however slowly.'),
}).transform(({ bodyLimit, timeout, headersTimeout, targetLength, minRate, minRateAfter, ...others }) => ({
  ...others,
  bodyLimitBytes: bodyLimit,
  timeoutMs: timeout,
  headersTimeoutMs: headersTimeout,
  targetBytes: targetLength,
  minRate: minRate === undefined ? undefined : { bytesPerSecond: minRate, afterMs: minRateAfter },
}));
