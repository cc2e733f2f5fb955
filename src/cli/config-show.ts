// `check --show`: every key of the configuration with its value and where that comes from.
import { readFileSync } from 'node:fs';
import { type ConfigValue, inForce } from '../config/in-force.ts';
import { defaultConfig } from './package.ts';

/** Where a value comes from, in words. */
export function originOf({ from, line, variable }: ConfigValue): string {
  if (from === 'default') return 'default';
  const where = line === undefined ? '' : `line ${line}`;
  return from === 'file'
    ? where
    : [`$${variable?.replaceAll(', ', ', $')}`, where].filter((word) => word !== '').join(', ');
}

/** In columns. */
export function showText(values: readonly ConfigValue[]): string {
  const widest = (texts: readonly string[]): number => Math.min(40, Math.max(0, ...texts.map((text) => text.length)));
  const keys = widest(values.map(({ key }) => key));
  const texts = widest(values.map(({ value }) => value));
  return values
    .map((value) => `${value.key.padEnd(keys)}  ${value.value.padEnd(texts)}  ${originOf(value)}`)
    .join('\n');
}

/** @param file of a configuration that is good, as given with --config; undefined: the default one */
export function configShow(file: string | undefined, json: boolean): void {
  const { read, as } = file === undefined ? defaultConfig() : { read: file, as: file };
  const values = inForce(readFileSync(read, 'utf8'), as, process.env);
  process.stdout.write(`${json ? JSON.stringify({ file: read, good: true, values }, null, 2) : showText(values)}\n`);
}
