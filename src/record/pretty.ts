// Log lines for people at a terminal: the same lines, by pino-pretty, which is loaded only where they are read so.
import { createRequire } from 'node:module';
import type * as PinoPretty from 'pino-pretty';

/** `auto`: pretty where standard output is a terminal, but not in CI, whose terminals are read by machines later. */
export type LogFormat = 'auto' | 'json' | 'pretty';

type Words = Readonly<Record<string, unknown>>;
type Colors = Parameters<PinoPretty.MessageFormatFunc>[3]['colors'];

// At once, not by import(): a worker that waited for it would miss what it is told meanwhile.
const require = createRequire(import.meta.url);

/** What an access line says in its first words, and not again behind them. */
const HEADLINE = ['status', 'method', 'route', 'region', 'refusal', 'limit', 'outcome', 'duration_ms'] as const;
const NOT_SHOWN = ['pid', 'hostname'];

/** @param isTerminal whether standard output is one */
export function isPretty(format: LogFormat, isTerminal: boolean, { CI = '' }: NodeJS.ProcessEnv): boolean {
  if (format !== 'auto') return format === 'pretty';
  return isTerminal && ['', '0', 'false'].includes(CI);
}

/** On a terminal that has colours, unless its user wants none (no-color.org). */
export function hasColors(isTerminal: boolean, { NO_COLOR = '', TERM }: NodeJS.ProcessEnv): boolean {
  return isTerminal && NO_COLOR === '' && TERM !== 'dumb';
}

function statusOf({ status }: Words, colors: Colors): string {
  if (typeof status !== 'number') return colors.yellow('gone');
  const color = status >= 500 ? colors.red : status >= 400 ? colors.yellow : colors.green;
  return color(String(status));
}

/** `200 POST v1.secret.retrieve eu delivered 12.3 ms`. */
function headlineOf(line: Words, colors: Colors): string {
  const { method, route, region, refusal, limit, outcome, duration_ms } = line;
  const refused =
    refusal === undefined ? undefined : colors.yellow(`${refusal}${limit === undefined ? '' : `(${limit})`}`);
  const words = [statusOf(line, colors), method, route, region, refused, outcome, `${duration_ms} ms`];
  return words.filter((word) => word !== undefined).join(' ');
}

/**
 * @returns from a line of JSON to one for people, with its line break. What is not JSON comes back as it is. Times are
 *   those of this machine's time zone; control characters of values stay escaped.
 */
export function createPretty(colorize: boolean): (line: string) => string {
  const { prettyFactory }: typeof PinoPretty = require('pino-pretty');
  const shared = { colorize, singleLine: true, translateTime: 'SYS:HH:MM:ss.l' };
  const plain = prettyFactory({ ...shared, ignore: NOT_SHOWN.join(',') });
  const access = prettyFactory({
    ...shared,
    ignore: [...NOT_SHOWN, ...HEADLINE].join(','),
    messageFormat: (line, _key, _label, { colors }) => headlineOf(line, colors),
  });
  return (line) => (line.includes('"duration_ms":') ? access(line) : plain(line));
}
