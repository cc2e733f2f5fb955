// The line that every request leaves in the log, as pino would write it. Written here, since pino looks at each value, and
// escapes each text, of objects of any kind: these are numbers and words of closed lists, and the line is a third of
// what recording a request costs.
import { type Logger, symbols } from 'pino';

/** Nothing in it needs to be escaped: ids, names of the configuration, words of closed lists. */
export interface AccessLine {
  readonly request_id: string;
  readonly method: string;
  readonly route: string;
  readonly region: string | undefined;
  readonly reason: string | undefined;
  readonly outcome: string | undefined;
  readonly replayed: true | undefined;
  readonly refusal: string | undefined;
  readonly limit: string | undefined;
  readonly status: number | undefined;
  readonly duration_ms: number;
}

interface PinoInside {
  /** `,"pid":1,"hostname":"h"` */
  readonly [symbols.chindingsSym]: string;
  readonly [symbols.streamSym]: { write(line: string): void };
}

function field(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":"${value}"`;
}

/** @returns writes a line at level info, whether or not that level is enabled */
export function accessLines(log: Logger): (line: AccessLine, message: string) => void {
  const inside = log as unknown as PinoInside;
  const bindings = inside[symbols.chindingsSym];
  const stream = inside[symbols.streamSym];
  return (line, message) => {
    stream.write(
      `{"level":30,"time":${Date.now()}${bindings},"request_id":"${line.request_id}","method":"${line.method}","route":"${
        line.route
      }"${field('region', line.region)}${field('reason', line.reason)}${field('outcome', line.outcome)}${
        line.replayed === undefined ? '' : ',"replayed":true'
      }${field('refusal', line.refusal)}${field('limit', line.limit)}${
        line.status === undefined ? '' : `,"status":${line.status}`
      },"duration_ms":${line.duration_ms},"msg":"${message}"}\n`,
    );
  };
}
