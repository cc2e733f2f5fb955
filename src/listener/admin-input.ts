// What came in, checked by its schema. What is wrong with it is said without repeating it: it may be a name or a key.
import type { z } from 'zod';
import { Problem } from './admin-problem.ts';

type Issue = z.core.$ZodIssue;

/** A field name that somebody may have meant; anything else may be a secret in the wrong place. */
const LIKE_A_FIELD = /^[a-z_]{1,20}$/;

/** @param what where it stands: `body`, `query`, `path` */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const sentences = result.error.issues.slice(0, 5).map((issue) => describeIssue(issue, input, what));
  throw new Problem('input_invalid', { message: `${sentences.join('; ')}.` });
}

/** `region: found a number, expected text`. */
function describeIssue(issue: Issue, input: unknown, what: string): string {
  const field = issue.path.length === 0 ? `the ${what}` : issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys')
    return `the ${what}: found ${unknownFields(issue.keys)}, expected no such field`;
  return `${field}: found ${size(issue) ?? found(valueAt(input, issue.path))}, expected ${expected(issue)}`;
}

/** Of a number, which stands as text in a query: on which side it lies. */
function size(issue: Issue): string | undefined {
  if (issue.code === 'too_small' && unit(issue.origin) === '') return 'less';
  return issue.code === 'too_big' && unit(issue.origin) === '' ? 'more' : undefined;
}

function unknownFields(keys: readonly string[]): string {
  const named = keys.filter((key) => LIKE_A_FIELD.test(key));
  return named.length === keys.length ? named.join(', ') : 'an unknown field';
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((value: unknown, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], input);
}

function found(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return value === '' ? 'empty text' : 'a text';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

function expected(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `at least ${issue.minimum}${unit(issue.origin)}`;
    case 'too_big':
      return `at most ${issue.maximum}${unit(issue.origin)}`;
    // With a pattern or a rule stands its own text (admin-schemas.ts).
    default:
      return issue.message;
  }
}

function unit(origin: string): string {
  return origin === 'string' ? ' characters' : origin === 'array' ? ' entries' : '';
}
