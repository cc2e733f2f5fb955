// Another configuration takes the place of the one in force: read whole, held against what cannot change while the gateway
// runs, opened in every thread, and then applied by all of them, or by none.
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { ConfigError, type Problem } from './config/problem.ts';
import type { Config } from './config/types.ts';
import type { ConfigValue, ReloadReport, ReloadStatus } from './listener/admin-live-types.ts';
import { describeCause } from './record/record.ts';

/** A configuration as it was read. */
export interface Read {
  readonly config: Config;
  /** Each key with its value and where that comes from. Worked out when it is first asked for. */
  readonly values: () => readonly ConfigValue[];
  /** SHA-256 of the file in hex. */
  readonly digest: string;
}

/** What is opened and not used yet. */
export interface Prepared {
  /** Does not fail: a thread that is lost meanwhile begins with the new configuration. */
  apply(): void | Promise<void>;
  abandon(): Promise<void>;
}

export interface ReloadOptions {
  readonly first: Read;
  /** Reads it again. Throws ConfigError. */
  readonly read: () => Read;
  /** Throws when a thread cannot open it: nothing is left open then. */
  readonly prepare: (config: Config) => Promise<Prepared>;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** Called once for each report, when what it says is so. */
  readonly onReport: (report: ReloadReport, read: Read | undefined) => void;
}

export interface ReloadReadings {
  readonly applied: number;
  readonly refused: number;
  /** Whether the last one was not refused; true before the first. */
  readonly lastGood: boolean;
  readonly appliedAtMs: number;
}

export interface Reloader {
  /** The configuration in force, key by key. */
  inForce(): readonly ConfigValue[];
  /** One after the other. Never rejects: what is wrong stands in the report. @param actor `token:NAME`, `signal`, `file` */
  reload(actor: string): Promise<ReloadReport>;
  status(): ReloadStatus;
  readings(): ReloadReadings;
  /** The gateway answers callers. Whoever asked for a reload before waits until then. */
  begin(): void;
  /** The gateway is ending: nothing is applied any more. */
  end(): void;
}

/** What is opened once, or belongs to the process: key of the file -> its part of the configuration. */
export const FIXED: Readonly<Record<string, (config: Config) => unknown>> = {
  'listen.host': ({ listen }) => listen.host,
  'listen.port': ({ listen }) => listen.port,
  // Memory that all threads count in is made for so many.
  'listen.maxConnections': ({ listen }) => listen.maxConnections,
  // Whether it is spoken at all, and whether callers need a certificate; new certificates are taken up.
  'listen.tls': ({ listen }) => listen.tls && { clientCa: listen.tls.clientCa !== undefined },
  'admin.host': ({ admin }) => admin.host,
  'admin.port': ({ admin }) => admin.port,
  'admin.console': ({ admin }) => admin.console,
  'accounts.lease': ({ accounts }) => accounts.leaseMs,
  'accounts.source': ({ accounts }) => accounts.source,
  audit: ({ audit }) => audit,
  identityKey: ({ identityKeyFile }) => identityKeyFile,
  'log.format': ({ log }) => log.format,
  'reload.watch': ({ reload }) => reload.watch,
  replay: ({ replay }) => replay,
  store: ({ store }) => store,
  storeTimeout: ({ storeTimeoutMs }) => storeTimeoutMs,
  tracing: ({ tracing }) => tracing,
  workers: ({ workers }) => workers,
};

const REFUSED = 'reload refused';
const ENDING = 'The gateway is ending; nothing was applied.';

/** For the log: a value that is wrong may be a secret or an account all the same. Reports, and `check`, say what was found. */
function placeOf({ file, line, column, key, expected }: Problem): string {
  return `${file}:${line}:${column}: ${key === '' ? '' : `${key}: `}expected ${expected}`;
}

/** Keys of the file whose value is another one; a secret or a certificate that is another one has no other value there. */
export function changedKeys(before: readonly ConfigValue[], after: readonly ConfigValue[]): string[] {
  const valuesOf = (values: readonly ConfigValue[]) => new Map(values.map(({ key, value }) => [key, value]));
  const [old, now] = [valuesOf(before), valuesOf(after)];
  const changed = [...new Set([...old.keys(), ...now.keys()])].filter((key) => old.get(key) !== now.get(key));
  return changed.length > 0 ? changed : ['a hidden value, or what a named file holds'];
}

/** Keys that are other ones, and cannot change while the gateway runs. */
export function fixedKeys(before: Config, after: Config): string[] {
  return Object.entries(FIXED).flatMap(([key, part]) => (isDeepStrictEqual(part(before), part(after)) ? [] : [key]));
}

export function createReloader(options: ReloadOptions): Reloader {
  const { read, prepare, now, log, onReport } = options;
  let current = options.first;
  let appliedAtMs = now();
  let last: ReloadReport | undefined;
  const counts = { applied: 0, refused: 0 };
  const begun = Promise.withResolvers<void>();
  let turn: Promise<unknown> = begun.promise;
  let ended = false;

  interface Verdict
    extends Pick<ReloadReport, 'result'>,
      Partial<Pick<ReloadReport, 'changed' | 'needsRestart' | 'problems'>> {
    /** For the log, in place of the problems. */
    readonly said?: readonly string[];
  }

  function report(actor: string, { said, ...verdict }: Verdict, found?: Read): ReloadReport {
    const at = new Date(now()).toISOString();
    const made = { at, actor, changed: [], needsRestart: [], problems: [], ...verdict };
    last = made;
    const { result, changed, needsRestart, problems } = made;
    if (result !== 'unchanged') counts[result]++;
    if (result === 'refused') log.error({ actor, needs_restart: needsRestart, problems: said ?? problems }, REFUSED);
    else log.info({ actor, changed }, result === 'applied' ? 'reloaded' : 'nothing to reload');
    onReport(made, found);
    return made;
  }

  const refused = (actor: string, verdict: Omit<Verdict, 'result'>): ReloadReport =>
    report(actor, { result: 'refused', ...verdict });

  async function attempt(actor: string): Promise<ReloadReport> {
    if (ended) return refused(actor, { problems: [ENDING] });
    let found: Read;
    try {
      found = read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return refused(actor, { problems: error.message.split('\n'), said: error.problems.map(placeOf) });
    }
    if (isDeepStrictEqual(found.config, current.config)) {
      current = found;
      return report(actor, { result: 'unchanged' }, found);
    }
    const changed = changedKeys(current.values(), found.values());
    const needsRestart = fixedKeys(current.config, found.config);
    if (needsRestart.length > 0) {
      const keys = needsRestart.join(', ');
      const problem = `${keys} cannot change while the gateway runs, so nothing was applied: restart it, or set ${needsRestart.length === 1 ? 'it' : 'them'} back.`;
      return refused(actor, { changed, needsRestart, problems: [problem] });
    }
    const prepared = await prepare(found.config);
    if (ended) {
      await prepared.abandon();
      return refused(actor, { changed, problems: [ENDING] });
    }
    await prepared.apply();
    current = found;
    appliedAtMs = now();
    return report(actor, { result: 'applied', changed }, found);
  }

  async function reload(actor: string): Promise<ReloadReport> {
    try {
      return await attempt(actor);
    } catch (error) {
      log.error(describeCause(error), 'the configuration could not be opened');
      return refused(actor, {
        problems: ['The configuration could not be opened; the log says why. Nothing was applied.'],
      });
    }
  }

  return {
    inForce: () => current.values(),
    reload(actor) {
      const next = turn.then(() => reload(actor));
      turn = next;
      return next;
    },
    status: () => ({ appliedAt: new Date(appliedAtMs).toISOString(), last }),
    readings: () => ({ ...counts, lastGood: last?.result !== 'refused', appliedAtMs }),
    begin: begun.resolve,
    end() {
      ended = true;
      begun.resolve();
    },
  };
}
