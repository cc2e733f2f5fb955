// Reloading as a gateway has it: where the configuration is read again, and who is told of it.

import type { Config } from './config/types.ts';
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
      audit.reload({ result, actor, changed, needsRestart, digest: read?.digest ?? '' });
      if (result === 'applied' && read !== undefined) level?.follow(read.config.log.level);
    },
  });
}
