// The configuration in force, key by key, and where each value comes from: for operators. Nothing secret is in it.
import { dirname } from 'node:path';
import type { ConfigValue } from '../listener/admin-live-types.ts';
import { type Described, describedSchema, mapOf, within } from './described.ts';
import { readSource } from './document.ts';
import { retype } from './environment.ts';
import { parseConfig } from './load.ts';
import type { Places } from './places.ts';
import { keyOf, type Path } from './problem.ts';
import { describeStore } from './store-url.ts';

export type { ConfigValue } from '../listener/admin-live-types.ts';

export const HIDDEN = '(hidden)';
/** The only variable that stands in no file. */
const IDENTITY_KEY = 'GATEWAY_IDENTITY_KEY';

interface Walk {
  readonly places: Places;
  /** Where relative paths start. */
  readonly folder: string;
}

/** A value on the way: of a default, everything below it is a default too. */
interface Step {
  readonly node: Described;
  readonly value: unknown;
  readonly path: Path;
  readonly isDefault: boolean;
  readonly isHidden: boolean;
}

/**
 * Every key that has a value, in the order of the schema.
 * @param fileName as for parseConfig
 * @throws ConfigError
 */
export function inForce(text: string, fileName: string, env: NodeJS.ProcessEnv = process.env): readonly ConfigValue[] {
  // What is wrong is not in force.
  parseConfig(text, fileName, env);
  const { tree, places } = readSource(text, env);
  const walk = { places, folder: dirname(fileName) };
  const values = valuesOf({ node: describedSchema(), value: tree, path: [], isDefault: false, isHidden: false }, walk);
  if (env[IDENTITY_KEY] === undefined) return values;
  return values.map((value): ConfigValue => {
    if (value.key !== 'identityKey') return value;
    return { key: value.key, value: HIDDEN, from: 'environment', variable: IDENTITY_KEY };
  });
}

function valuesOf(step: Step, walk: Walk): ConfigValue[] {
  const node = typeof step.value === 'string' ? step.node : (mapOf(step.node) ?? step.node);
  const value = emptyFor(node, step.value);
  const at = { ...step, node, value };
  if (Array.isArray(value)) return isListOfMaps(node) ? itemsOf(at, value, walk) : [leaf(at, walk)];
  if (typeof value !== 'object' || value === null) return [leaf(at, walk)];
  // The schema's keys first, whether the file has them or not; those of a map by names stand in the file alone.
  const names = new Set([...Object.keys(node.properties ?? {}), ...Object.keys(value)]);
  if (names.size === 0) return [leaf(at, walk)];
  return [...names].flatMap((name) => inner(at, name, Reflect.get(value, name), walk));
}

/** A key with nothing behind it is the empty map or list. */
function emptyFor(node: Described, value: unknown): unknown {
  if (value !== null) return value;
  if (node.type === 'array') return [];
  return node.type === 'object' ? {} : null;
}

function isListOfMaps(node: Described): boolean {
  return within(node, 0)?.type === 'object';
}

function itemsOf(step: Step, items: readonly unknown[], walk: Walk): ConfigValue[] {
  return items.length === 0 ? [leaf(step, walk)] : items.flatMap((item, index) => inner(step, index, item, walk));
}

/** What is not written has its default, where there is one. */
function inner(outer: Step, segment: string | number, written: unknown, walk: Walk): ConfigValue[] {
  const node = within(outer.node, segment) ?? {};
  const value = written === undefined ? node.default : written;
  if (value === undefined) return [];
  const isDefault = outer.isDefault || written === undefined;
  const isHidden = outer.isHidden || node.hidden === true;
  return valuesOf({ node, value, path: [...outer.path, segment], isDefault, isHidden }, walk);
}

function leaf({ node, value, path, isDefault, isHidden }: Step, { places, folder }: Walk): ConfigValue {
  const key = keyOf(path);
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  const shown = isHidden && !isEmpty ? HIDDEN : path[0] === 'store' ? describeStore(value, folder) : show(node, value);
  if (isDefault) return { key, value: shown, from: 'default' };
  const line = places.lineOf(path);
  const paths = Array.isArray(value) ? [path, ...value.map((_, index) => [...path, index])] : [path];
  const names = new Set(paths.flatMap((each) => places.at(each).substituted?.names ?? []));
  if (names.size === 0) return { key, value: shown, from: 'file', line };
  return { key, value: shown, from: 'environment', line, variable: [...names].join(', ') };
}

function show(node: Described, value: unknown): string {
  const meant = node.type === 'array' && typeof value === 'string' ? retype(value, 'array') : value;
  if (Array.isArray(meant)) return `[${meant.map(showScalar).join(', ')}]`;
  return typeof meant === 'object' && meant !== null ? '{}' : showScalar(meant);
}

/** On one line, and never as nothing. Credentials have no place in URLs here; should one have come by all the same, it goes no further. */
function showScalar(value: unknown): string {
  if (value === '' || /\p{Cc}/u.test(String(value))) return JSON.stringify(value);
  return String(value)
    .replace(/\/\/[^\s/]*@/g, `//${HIDDEN}@`)
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^\s?]*)\?.*$/is, `$1?${HIDDEN}`);
}
