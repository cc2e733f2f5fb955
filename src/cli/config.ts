// Reading the configuration for a command: problems end it with exit code 78 before anything listens.
import { readConfigFile } from '../config/file.ts';
import { ConfigError } from '../config/problem.ts';
import type { Config } from '../config/types.ts';
import type { Read } from '../reload.ts';
import { CommandError, EXIT } from './exit.ts';
import { defaultConfig } from './package.ts';

/** A configuration and the name that messages about it use. */
export interface NamedConfig {
  readonly name: string;
  readonly config: Config;
}

/** A configuration file as a command was given it. */
export interface NamedFile {
  readonly name: string;
  /** @throws ConfigError */
  readonly read: () => Read;
}

/** @param file as given with --config, or undefined for the default one */
export function configFile(file: string | undefined): NamedFile {
  const { read, as } = file === undefined ? defaultConfig() : { read: file, as: file };
  return { name: read, read: () => readConfigFile(read, as) };
}

/**
 * @param file as given with --config, or undefined for the default one
 * @throws CommandError with one line a problem: file, line, key, what was found and what is expected
 */
export function readConfig(file: string | undefined): NamedConfig {
  const { name, read } = configFile(file);
  return { name, config: orEnd(read).config };
}

/** @throws CommandError in place of ConfigError */
export function orEnd(read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(error.message, EXIT.config, { problems: error.problems });
    throw error;
  }
}
