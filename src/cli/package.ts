// What the package knows of itself, from sources and compiled alike: this file is two levels below its root.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);

export const VERSION: string = (JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string })
  .version;

const DEFAULT_CONFIG = 'config/gateway.yaml';

/** `config/gateway.yaml` of the working directory, or the one that the package ships. */
export function defaultConfigFile(): string {
  return existsSync(DEFAULT_CONFIG) ? DEFAULT_CONFIG : fileURLToPath(new URL(DEFAULT_CONFIG, ROOT));
}
