// Reading the configuration for a command: problems end it with exit code 78 before anything listens.
import { readFileSync } from 'node:fs';
import { ConfigError, loadConfig, parseConfig } from '../config/load.ts';
import type { Config } from '../config/types.ts';
import { CommandError, EXIT } from './exit.ts';
import { defaultConfig } from './package.ts';

/** A configuration and the name that messages about it use. */
export interface NamedConfig {
  readonly name: string;
  readonly config: Config;
}

/**
 * @param file as given with --config, or undefined for the default one
 * @throws CommandError with one line a problem: file, line, key, what was found and what is expected
 */
export function readConfig(file: string | undefined): NamedConfig {
  try {
    if (file !== undefined) return { name: file, config: loadConfig(file, process.env) };
    const { read, as } = defaultConfig();
    const config = read === as ? loadConfig(as, process.env) : parseConfig(readFileSync(read, 'utf8'), as, process.env);
    return { name: read, config };
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(error.message, EXIT.config);
    throw error;
  }
}
