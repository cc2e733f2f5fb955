// The line that every request leaves in the log, as pino would write it (docs/logging.md). Written here, since pino looks at
// each value, and escapes each text, of objects of any kind: these are numbers and words of closed lists, and the line is a
// third of what recording a request costs.
import { type Logger, symbols } from 'pino';

/** Nothing in it needs to be escaped: ids, hashes, names of the configuration, addresses, words of closed lists. */
export interface AccessLine {
  readonly request_id: string;
  /** Of the caller's trace or the gateway's own. */
  readonly trace_id: string | undefined;
  readonly method: string;
  readonly route: string;
  /** The first 16 hex digits of the account's keyed hash. */
  readonly account: string | undefined;
  /** As the configuration has it written (client.ts). */
  readonly client: string | undefined;
  readonly region: string | undefined;
  readonly reason: string | undefined;
  /** `host:port`. */
  readonly upstream: string | undefined;
  readonly upstream_ms: number | undefined;
  readonly outcome: string | undefined;
  readonly replayed: true | undefined;
  readonly refusal: string | undefined;
  readonly limit: string | undefined;
  readonly status: number | undefined;
  readonly duration_ms: number;
  /** Of the bodies. */
  readonly request_bytes: number;
  readonly response_bytes: number;
  /** This line stands for `1 / sample` requests. */
  readonly sample: number | undefined;
}

interface PinoInside {
  /** `,"pid":1,"hostname":"h"` */
  readonly [symbols.chindingsSym]: string;
  readonly [symbols.streamSym]: { write(line: string): void };
}

/** What stands behind whole milliseconds, by the tenths that are left. */
const TENTHS = ['', '.1', '.2', '.3', '.4', '.5', '.6', '.7', '.8', '.9'];

/**
 * Milliseconds with at most one decimal, as JavaScript writes the number. By way of integers: it searches for the shortest
 * decimals of a fraction, and that is a tenth of the whole line.
 */
function millis(ms: number): string {
  const tenths = Math.round(ms * 10);
  if (tenths < 0) return `${ms}`;
  const whole = Math.floor(tenths / 10);
  return `${whole}${TENTHS[tenths - whole * 10]}`;
}

/** The members of a line in the order of AccessLine, each with a comma before it. */
function membersOf(line: AccessLine): string {
  // Added up one by one: of what is not there, nothing is joined.
  let text = `,"request_id":"${line.request_id}"`;
  if (line.trace_id !== undefined) text += `,"trace_id":"${line.trace_id}"`;
  text += `,"method":"${line.method}","route":"${line.route}"`;
  if (line.account !== undefined) text += `,"account":"${line.account}"`;
  if (line.client !== undefined) text += `,"client":"${line.client}"`;
  if (line.region !== undefined) text += `,"region":"${line.region}"`;
  if (line.reason !== undefined) text += `,"reason":"${line.reason}"`;
  if (line.upstream !== undefined) text += `,"upstream":"${line.upstream}"`;
  if (line.upstream_ms !== undefined) text += `,"upstream_ms":${millis(line.upstream_ms)}`;
  if (line.outcome !== undefined) text += `,"outcome":"${line.outcome}"`;
  if (line.replayed !== undefined) text += ',"replayed":true';
  if (line.refusal !== undefined) text += `,"refusal":"${line.refusal}"`;
  if (line.limit !== undefined) text += `,"limit":"${line.limit}"`;
  if (line.status !== undefined) text += `,"status":${line.status}`;
  text += `,"duration_ms":${millis(line.duration_ms)}`;
  text += `,"request_bytes":${line.request_bytes},"response_bytes":${line.response_bytes}`;
  return line.sample === undefined ? text : `${text},"sample":${line.sample}`;
}

/** @returns writes a line at level info, whether or not that level is enabled */
export function accessLines(log: Logger): (line: AccessLine, message: string) => void {
  const inside = log as unknown as PinoInside;
  const bindings = inside[symbols.chindingsSym];
  const stream = inside[symbols.streamSym];
  return (line, message) => {
    stream.write(`{"level":30,"time":${Date.now()}${bindings}${membersOf(line)},"msg":"${message}"}\n`);
  };
}
