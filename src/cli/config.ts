// Reading the configuration for a command: problems end it with exit code 78 before anything listens.
import { type Stats, statSync } from 'node:fs';
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
  /** For a process that has something else to do meanwhile. @throws ConfigError, also where the file may keep it waiting */
  readonly readAgain: () => Read;
}

/** A pipe is read once, and who opens it without a writer waits for one. */
function checkRegular(file: string): void {
  let found: Stats;
  try {
    found = statSync(file);
  } catch {
    // Whoever reads it says why.
    return;
  }
  if (found.isFile() || found.isDirectory()) return;
  const expected = 'a regular file: only such a one can be read again';
  throw new ConfigError([{ file, line: 1, column: 1, key: '', found: 'a pipe or a device', expected }]);
}

/** @param file as given with --config, or undefined for the default one */
export function configFile(file: string | undefined): NamedFile {
  const { read, as } = file === undefined ? defaultConfig() : { read: file, as: file };
  const readNow = (): Read => readConfigFile(read, as);
  return {
    name: read,
    read: readNow,
    readAgain() {
      checkRegular(read);
      return readNow();
    },
  };
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
