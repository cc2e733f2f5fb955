// Reading the configuration for a command: problems end it with exit code 78 before anything listens.
import { ConfigError, loadConfig } from '../config/load.ts';
import type { Config } from '../config/types.ts';
import { CommandError, EXIT } from './exit.ts';

/** @throws CommandError with one line a problem: file, line, key, what was found and what is expected */
export function readConfig(file: string): Config {
  try {
    return loadConfig(file, process.env);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(error.message, EXIT.config);
    throw error;
  }
}
