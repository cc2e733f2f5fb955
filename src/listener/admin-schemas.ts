// The shapes of the admin API: what comes in is checked by them, what goes out is documented by them. The console takes
// its types from them, so nothing of Node is imported here.
import { z } from 'zod';

const ID = /^[0-9a-f]{32}$/;
export const PAGE_MAX = 1000;
export const PAGE = 100;

const id = z
  .string()
  .regex(ID, 'an account id: 32 hex digits')
  .describe('The keyed hash by which the directory, logs and events know the account.');
export const region = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'the name of a region')
  .describe('The name of a region.');
const account = z
  .string()
  .min(1)
  .max(256)
  .describe('The name of the account, as in its credentials. It is hashed and kept nowhere.');
export const time = z.string().describe('ISO 8601, UTC.');
export const count = z.int().min(0);

/** A whole number that comes as text in a query. */
export function fromQuery<T extends z.ZodType>(schema: T): z.ZodPreprocess<T> {
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
    schema,
  );
}

const limit = fromQuery(z.int().min(1).max(PAGE_MAX).optional()).describe(`How many, at most; ${PAGE} without it.`);

/** What clients send in paths and queries. */
export const ById = z.strictObject({ id });
export const ByRegion = z.strictObject({ name: region });
export const AccountsPage = z.strictObject({
  after: z.string().min(1).max(1024).optional().describe('The `next` of the page before.'),
  limit,
});
export const EventsPage = z.strictObject({
  before: fromQuery(z.int().min(0).optional()).describe(
    'Only events of earlier epochs: the `next` of the page before.',
  ),
  limit,
});

const AccountToPut = z.strictObject({
  account,
  region,
  pinned: z.boolean().optional().describe('Whether it may reach no other region. Left out: as it is; true if new.'),
  also: z.array(region).max(64).optional().describe('Other regions where it may be named. Left out: as it is.'),
  overwrite: z
    .boolean()
    .optional()
    .describe('Write also where the directory knows it in another region. A move is safer: it freezes creates first.'),
});
const AccountByName = z.strictObject({ account });
const MoveToBegin = z.strictObject({
  account,
  to: region,
  keep_old: z
    .boolean()
    .optional()
    .describe('Whether the old region stays in `also`. To be given for a pinned account.'),
});
const Question = z.strictObject({
  method: z.string().regex(/^[A-Za-z]{1,16}$/, 'an HTTP method'),
  path: z.string().min(1).max(8192).describe('As a caller would send it. It may hold a key, and is not logged.'),
  user: z.string().max(256).optional(),
  region: z.string().max(256).optional().describe('As in the Onetime-Region header.'),
  host: z.string().max(256).optional().describe('As in the Host header.'),
});
const KeyToFind = z
  .strictObject({
    key: z.string().min(1).max(256).optional().describe('The key itself. It is hashed and kept nowhere.'),
    hash: z.string().regex(ID, 'a keyed hash: 32 hex digits').optional().describe('Or its keyed hash.'),
  })
  .refine(({ key, hash }) => (key === undefined) !== (hash === undefined), 'either key or hash')
  .meta({ minProperties: 1, maxProperties: 1 });
const Nothing = z.strictObject({}).optional();

const Account = z.strictObject({
  id,
  region,
  pinned: z.boolean(),
  also: z.array(region),
  epoch: count.describe('Of the directory, when this entry was written.'),
  move: z
    .strictObject({
      from: region,
      to: region,
      phase: z.enum(['frozen', 'cutover']),
      keep_old: z.boolean(),
      since: time,
    })
    .nullable(),
});
const Accounts = z.strictObject({ accounts: z.array(Account), next: z.string().nullable() });
const AccountPut = z.strictObject({ result: z.enum(['added', 'changed', 'same']), account: Account });
const AccountRemoved = z.strictObject({ result: z.literal('removed') });
const Standing = z.strictObject({
  id,
  by: z
    .enum(['directory', 'source', 'rules', 'unknown'])
    .describe('unknown: accounts.unknown of the configuration decides.'),
  locality: z
    .strictObject({ home: region, also: z.array(region), pinned: z.boolean(), moving: z.boolean() })
    .nullable()
    .describe('What is in force.'),
  entry: Account.nullable().describe('What the directory says, in force or not.'),
});

const Moves = z.strictObject({ moves: z.array(Account) });
const MoveBegun = z.strictObject({
  begun: z.boolean().describe('False: this very move was under way.'),
  account: Account,
});
const MoveAborted = z.strictObject({ result: z.literal('aborted') });

const Regions = z.strictObject({
  regions: z.array(
    z.strictObject({
      name: region,
      up: z.boolean().describe('Whether the last that was heard of one of its upstreams is not a failure.'),
      breaker: z.enum(['closed', 'half_open', 'open']),
      failures: count.describe('In a row.'),
      drained: z.boolean().describe('Taken out of service by an operator.'),
    }),
  ),
});
const RegionDrained = z.strictObject({
  name: region,
  drained: z.boolean(),
  changed: z.boolean().describe('False: it was so already.'),
});

const Explained = z.strictObject({
  route: z.string().nullable(),
  access: z.string().nullable(),
  effect: z.string().nullable(),
  steps: z.array(z.strictObject({ rule: z.int(), says: z.string() })),
  decision: z.enum(['permit', 'refusal', 'answered_here', 'concealed']),
  region: region.nullable(),
  reason: z.string().nullable(),
  credentials: z.string().nullable(),
  verify_at: region.nullable(),
  refusal: z
    .strictObject({ code: z.string(), status: z.int(), message: z.string(), hint: z.string().nullable() })
    .nullable(),
});
const KeyFound = z.discriminatedUnion('found', [
  z.strictObject({
    found: z.literal(true),
    hash: z.string().regex(ID),
    region,
    kind: z.enum(['secret', 'metadata']),
    owner: z
      .string()
      .regex(ID)
      .nullable()
      .describe('The keyed hash of its maker in the key index; null: made anonymously.'),
    expires: time,
  }),
  z.strictObject({ found: z.literal(false) }),
]);

const Gateways = z.strictObject({
  gateways: z.array(
    z.strictObject({
      gateway: z.string(),
      label: z.string(),
      seen: count.describe('Every request located before this epoch has been answered.'),
      left_ms: z.number().describe('Until its lease expires.'),
    }),
  ),
});

/** Every kind of change: admin-views.ts does not compile where one is missing. */
const CHANGE_KINDS = [
  'initialised',
  'renewed',
  'account_added',
  'account_changed',
  'account_removed',
  'accounts_imported',
  'move_begun',
  'move_cut_over',
  'move_finished',
  'move_aborted',
  'region_drained',
  'region_undrained',
] as const;
const Events = z.strictObject({
  events: z.array(
    z.strictObject({
      epoch: count,
      at: time,
      what: z.enum(CHANGE_KINDS),
      account: id.nullable(),
      actor: z.string().describe('`token:NAME`, `cli:USER` or `gateway:ID`.'),
      detail: z.string(),
    }),
  ),
  next: count.nullable().describe('For `before`; null: that was the last.'),
});

const Store = z.strictObject({
  engine: z.enum(['sqlite', 'valkey']),
  up: z.boolean(),
  went_away: count,
  failed: count.describe('Questions that it did not answer in time.'),
  mark: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('found'), generation: z.string().regex(ID), epoch: count }),
      z.strictObject({ kind: z.literal('missing') }),
      z.strictObject({ kind: z.literal('unavailable') }),
    ])
    .describe('Of the directory. missing: the store is new, or has lost its data.'),
});

const OpenApi = z.looseObject({ openapi: z.string() }).describe('This document.');
const Refused = z.strictObject({ error: z.string(), message: z.string(), hint: z.string().optional() });

/** Bodies and answers under the names that the document gives them. */
export const SCHEMAS = {
  AccountToPut,
  AccountByName,
  MoveToBegin,
  Question,
  KeyToFind,
  Nothing,
  Account,
  Accounts,
  AccountPut,
  AccountRemoved,
  Standing,
  Moves,
  MoveBegun,
  MoveAborted,
  Regions,
  RegionDrained,
  Explained,
  KeyFound,
  Gateways,
  Events,
  Store,
  OpenApi,
  Refused,
} as const;
