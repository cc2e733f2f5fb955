// Parameters and response headers of the document: what callers may send beside the call itself, and what answers carry.
import type { Header, Parameter, Reference } from './types.ts';

export const parameter = (name: string): Reference => ({ $ref: `#/components/parameters/${name}` });
export const headerRef = (name: string): string => `#/components/headers/${name}`;

const KEY_PATTERN = '^[0-9A-Za-z_-]{20,128}$';

/** @param keepMs how long an answer is kept for a repeat; undefined: none is */
export function parameters(
  regions: readonly string[],
  keepMs: number | undefined,
): Readonly<Record<string, Parameter>> {
  return {
    key: {
      name: 'key',
      in: 'path',
      required: true,
      description: 'A secret key or a metadata key, exactly as it was given out. Whoever has it may use it.',
      schema: { type: 'string', pattern: KEY_PATTERN },
      example: '3f8k2n0q7w5e1r9t4y6u8i0o2p4a6s8',
    },
    region: {
      name: 'Onetime-Region',
      in: 'header',
      required: false,
      description:
        'The region that is meant, where the account or the key do not tell it or another one is wanted. The same can be ' +
        'said before the path, as in `/REGION/api/...`; both must agree.',
      schema: { type: 'string', enum: regions },
    },
    ...(keepMs === undefined ? {} : { idempotencyKey: idempotencyKey(keepMs) }),
  };
}

function idempotencyKey(keepMs: number): Parameter {
  return {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description:
      `A random value of your own, such as a UUID. A repeat with the same one within ${Math.round(keepMs / 1000)} seconds ` +
      'gets the first answer again, and nothing is sent a second time.',
    schema: { type: 'string', minLength: 16, maxLength: 255 },
    example: '8e03978e-40d5-43e8-bc93-6894a57f9324',
  };
}

const text = (description: string): Header => ({ description, schema: { type: 'string' } });

export const HEADERS: Readonly<Record<string, Header>> = {
  'X-Request-Id': {
    description: 'Names this request in the gateway’s log.',
    schema: { type: 'string', format: 'uuid' },
  },
  'Onetime-Gateway-Outcome': {
    description:
      'What became of the call: the region has answered (delivered), never got it (not_sent), or got it and its answer was ' +
      'lost (unknown).',
    schema: { type: 'string', enum: ['not_sent', 'unknown', 'delivered'] },
  },
  'Onetime-Gateway-Region': text('The region that answered.'),
  'Idempotency-Replayed': {
    description: 'That this is the first answer again.',
    schema: { type: 'string', enum: ['true'] },
  },
  'Retry-After': { description: 'When to try again. Seconds.', schema: { type: 'integer' } },
  'RateLimit-Policy': text('The limit that was reached: its name, how many calls (q) in how many seconds (w).'),
  RateLimit: text('What is left of that limit: calls (r), and in how many seconds there is more (t).'),
  'WWW-Authenticate': text('That HTTP Basic credentials are asked for.'),
  Location: { description: 'The region’s page.', schema: { type: 'string', format: 'uri' } },
  ETag: text('For If-None-Match.'),
};

const named = (names: readonly string[]) =>
  Object.fromEntries(names.map((name): [string, Reference] => [name, { $ref: headerRef(name) }]));

const OF_STATUS: Readonly<Record<number, readonly string[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After', 'RateLimit-Policy', 'RateLimit'],
  503: ['Retry-After'],
};

/** Of an answer that may be a region's. */
export function headersOfCall(status: number | 'default', replays: boolean): Readonly<Record<string, Reference>> {
  const names = ['X-Request-Id', 'Onetime-Gateway-Outcome', 'Onetime-Gateway-Region'];
  if (replays) names.push('Idempotency-Replayed');
  return named([...names, ...(status === 'default' ? [] : (OF_STATUS[status] ?? []))]);
}

/** Of an answer that is the gateway's own. */
export function headersOfOwn(status: number, more: readonly string[] = []): Readonly<Record<string, Reference>> {
  return named(['X-Request-Id', ...more, ...(OF_STATUS[status] ?? [])]);
}
