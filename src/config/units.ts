// Durations and sizes as people write them: always with a unit.

/** A text that is not what it should be. The hint says nothing of the text: that may be a secret. */
export class Unfit {
  readonly expected: string;
  readonly hint: string | undefined;

  constructor(expected: string, hint?: string) {
    this.expected = expected;
    this.hint = hint;
  }
}

const DAY_MS = 86_400_000;
const DURATION_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', DAY_MS],
]);
const SIZE_BYTES: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['kB', 1_000],
  ['MB', 1_000_000],
  ['KiB', 1_024],
  ['MiB', 1_048_576],
]);
/** Timers of Node hold 2^31 - 1 ms; whole days below that. */
const MAX_DURATION_MS = 24 * DAY_MS;
const MAX_AGE_DAYS = 36_500;
const MAX_SIZE_BYTES = 1_024 * 1_048_576;

export const DURATION = 'a duration with its unit, such as 200ms, 3s, 10m, 1h or 7d';
export const AGE = 'a duration with its unit, such as 12h or 400d';
export const SIZE = 'a size with its unit, such as 512KiB, 2MiB, 500kB or 2MB';

/** `10m` as milliseconds; from 1ms to 24d. */
export function readDurationMs(text: string): number | Unfit {
  const value = amount(text, DURATION_MS);
  if (value === undefined) return new Unfit(DURATION);
  return value >= 1 && value <= MAX_DURATION_MS ? value : new Unfit('a duration from 1ms to 24d');
}

/** `400d` as milliseconds: what no timer waits for; from 1ms to a hundred years. */
export function readAgeMs(text: string): number | Unfit {
  const value = amount(text, DURATION_MS);
  if (value === undefined) return new Unfit(AGE);
  return value >= 1 && value <= MAX_AGE_DAYS * DAY_MS ? value : new Unfit(`a duration from 1ms to ${MAX_AGE_DAYS}d`);
}

/** `2MiB` as bytes; from 1 byte to 1 GiB, since bodies are held in memory. */
export function readSizeBytes(text: string): number | Unfit {
  const value = amount(text, SIZE_BYTES);
  if (value === undefined) return new Unfit(SIZE);
  return value >= 1 && value <= MAX_SIZE_BYTES ? value : new Unfit('a size from 1B to 1024MiB');
}

function amount(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const [, digits, name = ''] = /^(\d{1,15})([A-Za-z]+)$/.exec(text) ?? [];
  const unit = units.get(name);
  return digits === undefined || unit === undefined ? undefined : Number(digits) * unit;
}
