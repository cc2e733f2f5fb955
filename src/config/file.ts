// A configuration file, to be read again whenever it is asked for.
import { createHash } from 'node:crypto';
import type { Read } from '../reload.ts';
import { inForce } from './in-force.ts';
import { parseConfig, readConfigText } from './load.ts';

/** @param as its name in messages, and where relative paths start, if that is not `file` itself */
export function readConfigFile(file: string, as = file, env: NodeJS.ProcessEnv = process.env): Read {
  const text = readConfigText(file);
  const config = parseConfig(text, as, env);
  let values: ReturnType<Read['values']> | undefined;
  return {
    config,
    digest: createHash('sha256').update(text).digest('hex'),
    values: () => (values ??= inForce(text, as, env)),
  };
}
