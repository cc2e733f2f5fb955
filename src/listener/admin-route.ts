// A row of the admin API's table: from it come the handler, the access rule, the checks of what comes in, and the
// document.
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { ExplainRequest, Explanation } from '../cli/explain.ts';
import type { Found, KeyedHash } from '../domain.ts';
import type { Desk, DeskCode } from '../locality/desk.ts';
import type { Snapshot } from '../record/aggregate.ts';
import type { Store, StoredKey } from '../store/store.ts';
import { parseInput } from './admin-input.ts';
import type { Live } from './admin-live.ts';
import type {
  AuditReadings,
  AuditRecord,
  ConfigValue,
  LogLevel,
  RegionReading,
  ReloadReport,
  ReloadStatus,
} from './admin-live-types.ts';
import type { ProblemCode } from './admin-problem.ts';
import type { Verification } from './admin-verification.ts';

/** What the admin API is made of. */
export interface AdminTools {
  /** @param actor who is named in the events of what this desk changes */
  readonly desk: (actor: string) => Desk;
  /** Of the configured regions. */
  readonly regions: () => readonly RegionReading[] | Promise<readonly RegionReading[]>;
  /** What would be decided on a request (cli/explain.ts). */
  readonly explain: (request: ExplainRequest) => Promise<Explanation>;
  /** What the key index has of a key, by the key itself or by its keyed hash. */
  readonly lookupKey: (
    by: { readonly key: string } | { readonly hash: KeyedHash },
  ) => Found<StoredKey> | Promise<Found<StoredKey>>;
  readonly store: Pick<Store, 'engine' | 'readings'>;
  /** All threads' metrics as data. Left out: no live state. */
  readonly snapshot?: (() => Promise<Snapshot>) | undefined;
  /** Left out: it cannot be told where it came from, nor be reloaded. */
  readonly configuration?: ConfigurationTools | undefined;
  /** Left out: it stays as it was at the start. */
  readonly logLevel?: { get(): LogLevel; set(level: LogLevel): void } | undefined;
  /** Left out: the audit log is off. */
  readonly audit?: AuditTools | undefined;
}

export interface ConfigurationTools {
  inForce(): readonly ConfigValue[];
  /** Never rejects for what is wrong with the configuration: that is in the report. */
  reload(actor: string): Promise<ReloadReport>;
  status(): ReloadStatus;
}

/** As the audit log reads it all again. */
export interface AuditVerdict {
  readonly good: boolean;
  readonly records: number;
  readonly files: number;
  readonly faults: readonly { readonly file: string; readonly line?: number | undefined; readonly what: string }[];
}

export interface AuditTools {
  readings(): AuditReadings;
  /** The last `count` records, oldest first. */
  tail(count: number): Promise<readonly AuditRecord[]>;
  verify(): Promise<AuditVerdict>;
}

/** What a handler gets beside its input. */
export interface Context extends Omit<AdminTools, 'desk'> {
  /** Who asks, as events name them. */
  readonly actor: string;
  /** Writes its changes in the name of the caller. */
  readonly desk: Desk;
  readonly document: () => object;
  /** Whether who asked might ask again: for answers that go on. */
  readonly mayStill: () => boolean;
  /** Undefined where there are no samples to be had. */
  readonly live: Live | undefined;
  /** Undefined where there is no audit log. */
  readonly verification: Verification | undefined;
}

export interface Reply {
  readonly status: number;
  readonly body: object;
  /** For the log: the id of the account or the name of the region that it was about. */
  readonly about?: string | undefined;
}

/** An answer that has no end of its own: it is written to the response itself. */
export interface Streamed {
  /** @throws Problem as long as nothing was written */
  readonly stream: (response: ServerResponse) => void;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface RouteFacts {
  /** The only form in which a request appears in the log; the document's operationId. */
  readonly id: string;
  readonly method: Method;
  /** Below /admin/v1; `{name}` stands for a segment. */
  readonly path: string;
  readonly summary: string;
  /** Changes something: needs role write. A lookup is none, though it is a POST: names and keys stand in no URL. */
  readonly changes: boolean;
  /** Status -> schema of the answer. */
  readonly answers: Readonly<Record<number, z.ZodType>>;
  /** Of good answers; JSON without it. */
  readonly media?: 'application/json' | 'text/event-stream';
  /** Problems of its own, beside those that every route has. */
  readonly problems: readonly (ProblemCode | DeskCode)[];
}

export interface AdminRoute extends RouteFacts {
  readonly params: z.ZodObject | undefined;
  readonly query: z.ZodObject | undefined;
  readonly body: z.ZodType | undefined;
  /** @throws Problem, DeskError */
  serve(
    raw: { readonly params: unknown; readonly query: unknown; readonly body: unknown },
    context: Context,
  ): Promise<Reply | Streamed>;
}

type Parsed<S extends z.ZodType | undefined> = S extends z.ZodType ? z.output<S> : undefined;

interface RouteRow<
  P extends z.ZodObject | undefined,
  Q extends z.ZodObject | undefined,
  B extends z.ZodType | undefined,
> extends RouteFacts {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly handle: (
    input: { readonly params: Parsed<P>; readonly query: Parsed<Q>; readonly body: Parsed<B> },
    context: Context,
  ) => Promise<Reply | Streamed>;
}

/** Where a route takes nothing, nothing may come. */
const NO_FIELDS = z.strictObject({}).optional();

/** Ties a handler's input to the schemas that it is checked by. */
export function defineRoute<
  P extends z.ZodObject | undefined,
  Q extends z.ZodObject | undefined,
  B extends z.ZodType | undefined,
>(row: RouteRow<P, Q, B>): AdminRoute {
  const { handle, ...facts } = row;
  const parsed = <S extends z.ZodType | undefined>(schema: S, input: unknown, what: string): Parsed<S> =>
    parseInput(schema ?? NO_FIELDS, input, what) as Parsed<S>;
  return {
    ...facts,
    serve: async (raw, context) =>
      handle(
        {
          params: parsed(row.params, raw.params, 'path'),
          query: parsed(row.query, raw.query, 'query'),
          body: parsed(row.body, raw.body, 'body'),
        },
        context,
      ),
  };
}
