// Numbers and times in words, with their units. Every absolute time is UTC, as in the logs and the audit.

const WHOLE = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const SPACE = '\u00a0';
/** Stands where there is nothing to say. */
export const NOTHING = '\u2013';

export function count(value: number): string {
  return WHOLE.format(value);
}

function digits(value: number): string {
  if (value === 0) return '0';
  if (value >= 100) return WHOLE.format(value);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function perSecond(value: number): string {
  return `${digits(value)}${SPACE}/s`;
}

/** At an axis: as many digits as a round number needs. */
export function perSecondTick(value: number): string {
  return `${Number(value.toPrecision(3))}${SPACE}/s`;
}

export function durationTick(ms: number): string {
  return ms >= 1000 ? `${Number((ms / 1000).toPrecision(3))}${SPACE}s` : `${Number(ms.toPrecision(3))}${SPACE}ms`;
}

/** @param ms null: nothing was measured */
export function duration(ms: number | null): string {
  if (ms === null) return NOTHING;
  if (ms >= 60_000) return span(ms / 1000);
  return ms >= 1000 ? `${digits(ms / 1000)}${SPACE}s` : `${digits(ms)}${SPACE}ms`;
}

/** @param share 0 to 1 */
export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : WHOLE.format(value)}${SPACE}%`;
}

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? WHOLE.format(size) : digits(size)}${SPACE}${units[unit]}`;
}

/** How long, in its two largest units: `3 d 4 h`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first === -1) return `0${SPACE}s`;
  return parts
    .slice(first, first + 2)
    .filter(([value], at) => at === 0 || value > 0)
    .map(([value, unit]) => `${value}${SPACE}${unit}`)
    .join(' ');
}

/** `12 s ago`; of a clock that is a little ahead, `just now`. */
export function ago(iso: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(iso)) / 1000;
  if (Number.isNaN(seconds)) return NOTHING;
  return seconds < 1 ? 'just now' : `${span(seconds)} ago`;
}

/** `2026-11-26 06:21:43 UTC`. */
export function moment(iso: string): string {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return NOTHING;
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `06:21:43`, of seconds since 1970. */
export function clock(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}

/** `1 record`, `2 records`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)}${SPACE}${value === 1 ? one : many}`;
}

/** `us, eu and ca`. */
export function listing(items: readonly string[]): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
