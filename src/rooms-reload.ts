// Reloading as a gateway has it: where the configuration is read again, and who is told of it.
import type { Config } from './config/types.ts';
import { type HashParts, identityName } from './keyed-hash.ts';
import type { Audit } from './record/audit.ts';
import { createReloader, type Prepared, type Read, type Reloader } from './reload.ts';
import type { GatewayDependencies } from './rooms-base.ts';

/** The file that a configuration came from. */
export interface ConfigFile {
  /** As the gateway was started with it. */
  readonly first: Read;
  /** Throws ConfigError. */
  readonly read: () => Read;
}

/** So many keys are named in a record, and the others counted: a record has a bounded size. */
const NAMED_KEYS = 100;

/** @param keys as in a report: an item of a list stands for itself there, for its list here */
function namedKeys(keys: readonly string[]): string[] {
  const lists = [...new Set(keys.map((key) => key.replace(/\[.*$/, '')))];
  const more = lists.length - NAMED_KEYS;
  return more > 0 ? [...lists.slice(0, NAMED_KEYS), `and ${more} more`] : lists;
}

/**
 * The audit log says which configuration is in force from its beginning on: all that follows was decided by it.
 * @param hash under the identity key that names accounts in what follows: by its name a report knows whether it can find them
 */
export function noteStart(
  { file, version }: Pick<GatewayDependencies, 'file' | 'version'>,
  audit: Audit,
  hash: HashParts,
): void {
  const identity = identityName(hash);
  audit.reload({ result: 'started', actor: 'start', version, identity, ...(file && { digest: file.first.digest }) });
}

/** @returns undefined where there is no file */
export function openReloader(
  { file, log, level, now = Date.now }: GatewayDependencies,
  audit: Audit,
  prepare: (config: Config) => Promise<Prepared>,
): Reloader | undefined {
  if (file === undefined) return undefined;
  return createReloader({
    ...file,
    prepare,
    log,
    now,
    onReport({ result, actor, changed, needsRestart }, read) {
      if (result === 'unchanged') return;
      const [named, fixed] = [namedKeys(changed), namedKeys(needsRestart)];
      audit.reload({ result, actor, changed: named, needsRestart: fixed, ...(read && { digest: read.digest }) });
      if (result === 'applied' && read !== undefined) level?.follow(read.config.log.level);
    },
  });
}
