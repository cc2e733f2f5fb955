// The schemas of the document: the service's, and those of what the gateway says when it does not let a call through.
import { REFUSAL_CODES, Refusal, type RefusalCode } from '../refusal.ts';
import { SCHEMAS_V1 } from './schemas-v1.ts';
import { SCHEMAS_V2 } from './schemas-v2.ts';
import type { Example, Schema } from './types.ts';

const REQUEST_ID = '0b6e6a3c-7d0f-4a55-9a0e-3f1b2c4d5e6f';
const OUTCOMES = ['not_sent', 'unknown', 'delivered'];

/** Refusals that are given when the request may have been sent. */
const UNKNOWN: ReadonlySet<RefusalCode> = new Set(['region_failed', 'region_timeout', 'answer_not_kept']);

function outcomeOf(code: RefusalCode): string {
  if (code === 'answer_withheld') return 'delivered';
  return UNKNOWN.has(code) ? 'unknown' : 'not_sent';
}

const GATEWAY_REFUSAL: Schema = {
  type: 'object',
  description: 'The gateway’s own answer to a call that it does not let through, or that came to nothing.',
  required: ['message', 'error', 'outcome', 'request_id'],
  properties: {
    message: { type: 'string', description: 'A sentence for people.' },
    error: {
      description: 'For programs: which refusal it is. A closed list.',
      oneOf: REFUSAL_CODES.map((code) => {
        const { status, message } = new Refusal(code);
        return { const: code, description: `${status}. ${message}` };
      }),
    },
    hint: { type: 'string', description: 'What can be done about it.' },
    outcome: {
      type: 'string',
      enum: OUTCOMES,
      description:
        '`not_sent`: the region never got the call. `unknown`: it was sent, and its answer was lost. `delivered`: the ' +
        'region has answered.',
    },
    request_id: { type: 'string', format: 'uuid', description: 'As in X-Request-Id.' },
  },
};

const SERVICE_REFUSAL: Schema = {
  type: 'object',
  description: 'The region’s own answer to a call that it turns down.',
  properties: {
    message: { type: 'string', description: 'A sentence for people.' },
    error: { type: 'string' },
    reason: { type: 'string' },
    secret_key: { type: 'string', description: 'The key as it was sent.' },
    shrimp: { type: 'string', description: 'Of older releases: means nothing here.' },
    success: { type: 'boolean', description: 'False.' },
  },
  examples: [{ message: 'Unknown secret', secret_key: 'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz' }],
};

export const SCHEMAS: Readonly<Record<string, Schema>> = {
  ...SCHEMAS_V1,
  ...SCHEMAS_V2,
  GatewayRefusal: GATEWAY_REFUSAL,
  ServiceRefusal: SERVICE_REFUSAL,
};

/** One answer for each of these refusals, by its code. */
export function refusalExamples(codes: ReadonlySet<RefusalCode>): Readonly<Record<string, Example>> {
  return Object.fromEntries(
    [...codes].map((code) => {
      const { message } = new Refusal(code);
      const value = { message, error: code, outcome: outcomeOf(code), request_id: REQUEST_ID };
      return [code, { summary: message, value }];
    }),
  );
}
