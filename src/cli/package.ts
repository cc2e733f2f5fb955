// What the package knows of itself, from sources and compiled alike: this file is two levels below its root.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);

export const VERSION: string = (JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string })
  .version;

const DEFAULT_CONFIG = 'config/gateway.yaml';

/** Where a configuration is read, and where it counts as lying: its relative paths start there. */
export interface ConfigSource {
  readonly read: string;
  readonly as: string;
}

/**
 * `config/gateway.yaml` of the working directory, or the one that the package ships. That one is read as if it lay in the
 * working directory: a store inside the package would be deleted by the next installation.
 */
export function defaultConfig(): ConfigSource {
  if (existsSync(DEFAULT_CONFIG)) return { read: DEFAULT_CONFIG, as: DEFAULT_CONFIG };
  return { read: fileURLToPath(new URL(DEFAULT_CONFIG, ROOT)), as: DEFAULT_CONFIG };
}
