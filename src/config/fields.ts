// The kinds of fields that the schema is made of. Each says in words what it expects; zod's own messages are not shown.
import { z } from 'zod';
import type { RegionName } from '../domain.ts';
import { DURATION, readDurationMs, readSizeBytes, SIZE, Unfit } from './units.ts';

/** Text that `read` turns into what it stands for. */
export function text<Output>(expected: string, read: (text: string) => Output | Unfit) {
  return z.string({ error: expected }).transform((value, context): Output => {
    const result = read(value);
    if (!(result instanceof Unfit)) return result;
    context.addIssue({ code: 'custom', message: result.expected, params: { hint: result.hint } });
    return z.NEVER;
  });
}

/** `10m` as milliseconds. */
export function duration() {
  return text(DURATION, readDurationMs);
}

/** `2MiB` as bytes. */
export function size() {
  return text(SIZE, readSizeBytes);
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number = Number.MAX_SAFE_INTEGER) {
  const error = `a whole number ${most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

/** From 0, none, to 1, all. */
export function share() {
  const error = 'a number from 0 to 1';
  return z.number({ error }).min(0, { error }).max(1, { error });
}

export function flag() {
  return z.boolean({ error: 'true or false' });
}

/** One of some words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `one of ${words.join(', ')}` });
}

/** One of some words or a configured region. */
export function wordOrRegion(words: readonly string[], regions: readonly string[]): z.ZodType<string, string> {
  const known = regions.length === 0 ? '' : ` (${regions.join(', ')})`;
  const error =
    words.length === 0 ? `the name of a region${known}` : `${words.join(', ')} or the name of a region${known}`;
  // without regions there is nothing to compare with, and that is told elsewhere
  return regions.length === 0 ? z.string({ error }) : z.enum([...words, ...regions], { error });
}

/** The name of a configured region. */
export function regionRef(regions: readonly string[]) {
  return wordOrRegion([], regions).transform((name) => name as RegionName);
}

/** A list of `least` or more; a key with nothing behind it is the empty one. */
export function list<Item extends z.ZodType>(what: string, item: Item, least = 0) {
  const error = `a list of ${what}`;
  return z.preprocess((value) => value ?? [], z.array(item, { error }).min(least, { error }));
}

/** The word off, which is `undefined`, or a section. load.ts tells what is wrong within the section. */
export function offOr<Section extends z.ZodType>(keys: readonly string[], map: Section) {
  const off = z.literal('off').transform(() => undefined);
  return z.union([off, map], { error: `off or a map with the keys ${keys.join(', ')}` });
}

/** A map of regions; a key with nothing behind it is the empty one. */
export function byRegion<Value extends z.ZodType>(what: string, value: Value, least = 0) {
  const error = `a map from region to ${what}${least === 0 ? '' : `, at least ${least}`}`;
  const map = z.record(z.string(), value, { error }).refine((found) => Object.keys(found).length >= least, { error });
  return z.preprocess((found) => found ?? {}, map);
}

/** A map with these keys and no others; a key with nothing behind it is the empty one. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  const error = `a map with the keys ${Object.keys(shape).join(', ')}`;
  return z.preprocess((map) => (map === null ? {} : map), z.strictObject(shape, { error }));
}

/** A field whose value nobody is shown: a secret, or a name of somebody. */
export function hidden<Field extends z.ZodType>(field: Field): Field {
  return field.meta({ ...field.meta(), hidden: true });
}
