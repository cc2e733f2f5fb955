// The part of the schema that is about tracing: where spans are sent, and how many.
import { z } from 'zod';
import { hidden, section, share, text } from './fields.ts';
import type { TracingConfig } from './types.ts';
import { DURATION, readDurationMs, Unfit } from './units.ts';

const OTLP = 'the URL of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318';
const SERVICE = 'a name for this service: 1 to 255 printable characters';
/** What is on its way to a collector that does not answer holds up the end of the process for so long. */
const MOST_TIMEOUT_MS = 10_000;
const HEADERS = 'a map from header to value';
const MOST_HEADERS = 32;

/** OTLP's own path for traces, where the URL names none (OTLP specification, OTLP/HTTP request). */
const TRACES_PATH = '/v1/traces';

/** The exporter's own, and those that belong to the connection. */
const RESERVED = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);

/** The URL that spans are sent to, whole. */
function readOtlp(given: string): string | Unfit {
  if (!/^https?:\/\/[^\s\\]+$/i.test(given)) {
    return new Unfit(OTLP, given.includes('://') ? undefined : 'Write it with https:// or http://.');
  }
  const url = URL.parse(given);
  if (url === null) return new Unfit(OTLP);
  if (url.username !== '' || url.password !== '') return new Unfit(OTLP, 'Write credentials under headers.');
  if (/[?#]/.test(given)) return new Unfit(OTLP, 'Write it without a query and a fragment; tokens go under headers.');
  if (url.port === '4317') return new Unfit(OTLP, 'Port 4317 speaks gRPC; for HTTP collectors have another, 4318.');
  if (url.pathname === '/') url.pathname = TRACES_PATH;
  return url.href;
}

function readTimeout(given: string): number | Unfit {
  const ms = readDurationMs(given);
  return ms instanceof Unfit || ms <= MOST_TIMEOUT_MS ? ms : new Unfit('a duration from 1ms to 10s');
}

/** Null and, where a variable is, the empty text: off. */
function offWhereEmpty(given: unknown): unknown {
  return given === '' || given === 'null' ? null : given;
}

/** What is wrong with a header, in words that do not show its value. */
function headerProblem(name: string, value: unknown, known: ReadonlySet<string>): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]{1,256}$/i.test(name)) return 'names of headers, such as Authorization';
  if (RESERVED.has(name.toLowerCase())) return `headers other than ${name}, which the gateway sets itself`;
  if (known.has(name.toLowerCase())) return `${name} once, in upper or in lower case`;
  if (typeof value === 'string' && /^[\x20-\x7e]{0,4096}$/.test(value)) return undefined;
  return `text of printable characters, at most 4096, as the value of ${name}`;
}

/** Headers by name. All that is wrong is told of the map, since what is told of a value shows it. */
const headers = z
  .preprocess((found) => found ?? {}, z.record(z.string(), z.unknown(), { error: HEADERS }))
  .transform((found, context): Record<string, string> => {
    const known = new Set<string>();
    const read: Record<string, string> = {};
    const refuse = (message: string): void => context.addIssue({ code: 'custom', message });
    for (const [name, value] of Object.entries(found)) {
      const problem = headerProblem(name, value, known);
      if (problem !== undefined) refuse(problem);
      // Empty where a variable is: left out.
      else if (typeof value === 'string' && value !== '') read[name] = value;
      known.add(name.toLowerCase());
    }
    if (known.size > MOST_HEADERS) refuse(`at most ${MOST_HEADERS} headers`);
    return read;
  });

export const tracing = section({
  otlp: z
    .preprocess(offWhereEmpty, text(OTLP, readOtlp).nullable())
    .prefault(null)
    .describe('Where spans are sent: a collector that takes OTLP over HTTP. null: no spans are made.'),
  headers: hidden(
    headers
      .prefault({})
      .describe('Headers for the collector, such as Authorization. Take secrets from the environment.'),
  ),
  sample: share()
    .prefault(0.1)
    .describe('The share of requests that leave spans; where the caller has a trace, its own decision holds.'),
  service: z
    .string({ error: SERVICE })
    .regex(/^[^\p{Cc}]{1,255}$/u, { error: SERVICE })
    .prefault('onetime-gateway')
    .describe('The name under which spans are shown.'),
  timeout: text(DURATION, readTimeout)
    .prefault('5s')
    .describe('How long the collector may take for what it is sent; 10s at most.'),
}).transform(({ otlp, timeout: timeoutMs, ...others }): TracingConfig | undefined =>
  otlp === null ? undefined : { url: otlp, timeoutMs, ...others },
);
