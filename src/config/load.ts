// Reads a configuration file: everything that is wrong with it is told at once, in the order of the file.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { checkConfig, keysAt } from './checks.ts';
import { type Described, describedSchema, mapOf, within } from './described.ts';
import { readSource, type Source } from './document.ts';
import { retype } from './environment.ts';
import { type Finding, valueAt } from './places.ts';
import { ConfigError, didYouMean, type Path } from './problem.ts';
import { type Config, configSchema } from './schema.ts';

export { ConfigError } from './problem.ts';

type Schema = ReturnType<typeof configSchema>;
type Issue = z.core.$ZodIssue;

/** Reads and checks a configuration file. Throws ConfigError, also where the file cannot be read. */
export function loadConfig(file: string, env: NodeJS.ProcessEnv = process.env): Config {
  return parseConfig(readConfigText(file), file, env);
}

/** Throws ConfigError where it cannot be read, or is no text. */
export function readConfigText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw fileError(file, unreadable(cause), 'a configuration file', cause);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw fileError(file, 'bytes that are not UTF-8', 'a text file in UTF-8', cause);
  }
}

function unreadable(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'a directory';
  if (code === 'EACCES' || code === 'EPERM') return `a file that may not be read (${code})`;
  return `a file that cannot be read (${code})`;
}

function fileError(file: string, found: string, expected: string, cause?: unknown): ConfigError {
  return new ConfigError([{ file, line: 1, column: 1, key: '', found, expected }], { cause });
}

/**
 * Checks the text of a configuration; `fileName` is for messages, and relative paths start at its folder, which need
 * not be there. Throws ConfigError.
 */
export function parseConfig(text: string, fileName: string, env: NodeJS.ProcessEnv = process.env): Config {
  const source = readSource(text, env);
  const { tree, places } = source;
  const fail = (findings: readonly Finding[]): ConfigError => {
    const problems = findings.map((finding) => places.toProblem(finding, tree, fileName));
    return new ConfigError(
      problems.toSorted((a, b) => a.line - b.line || a.column - b.column || a.key.length - b.key.length),
    );
  };
  if (tree === undefined) throw fail(source.findings);
  if (tree === null) throw fileError(fileName, 'an empty file', 'a configuration with at least the key regions');
  // what could not be read is told once
  const unread = source.findings.map(({ path }) => path).filter((path) => valueAt(tree, path) === undefined);
  const schema = configSchema(keysAt(tree, ['regions']), dirname(fileName));
  const result = parseTree(schema, source);
  const findings = [
    ...(result.success ? [] : issuesOf(result.error, tree).flatMap((issue) => toFindings(issue, source))),
    ...checkConfig(tree, places),
  ].filter(({ path }) => !unread.some((outer) => isWithin(path, outer)));
  if (!result.success || findings.length + source.findings.length > 0) throw fail([...source.findings, ...findings]);
  return result.data;
}

/** Parses; where text of the environment stands for a number, a boolean or a list, parses again with that. */
function parseTree(schema: Schema, { tree, places }: Source): z.ZodSafeParseResult<Config> {
  const result = schema.safeParse(tree);
  if (result.success) return result;
  let changed = false;
  for (const issue of issuesOf(result.error, tree)) {
    if (issue.code !== 'invalid_type') continue;
    const path = pathOf(issue);
    const parent: unknown = valueAt(tree, path.slice(0, -1));
    const last = path.at(-1);
    const value = places.at(path).substituted?.whole ? valueAt(tree, path) : undefined;
    const meant = typeof value === 'string' ? retype(value, issue.expected) : undefined;
    if (meant === undefined || last === undefined || typeof parent !== 'object' || parent === null) continue;
    changed = Reflect.set(parent, last, meant) || changed;
  }
  return changed ? schema.safeParse(tree) : result;
}

/** The issues; in place of a choice that failed (offOr) those of its map, where a map was found. */
function issuesOf(error: z.core.$ZodError, tree: unknown): Issue[] {
  const flatten = (issue: Issue, outer: Issue['path']): Issue[] => {
    const path = [...outer, ...issue.path];
    const found = valueAt(tree, pathOf({ path }));
    const isMap = found === null || (typeof found === 'object' && !Array.isArray(found));
    if (issue.code !== 'invalid_union' || !isMap) return [{ ...issue, path }];
    return (issue.errors.at(-1) ?? []).flatMap((inner) => flatten(inner, path));
  };
  return error.issues.flatMap((issue) => flatten(issue, []));
}

function toFindings(issue: Issue, { tree, places }: Source): Finding[] {
  const path = pathOf(issue);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], key, keysOf(path)));
  const found = valueAt(tree, path);
  const { hint, found: shown } = (issue.code === 'custom' && issue.params) || {};
  const instead = typeof shown === 'string' ? { found: shown } : {};
  if (typeof hint === 'string') return [{ path, expected: issue.message, hint, ...instead }];
  // a suggestion would tell of the value
  if (issue.code !== 'invalid_value' || typeof found !== 'string' || places.isHidden(path)) {
    return [{ path, expected: issue.message }];
  }
  const nearest = didYouMean(found, issue.values.map(String));
  return [{ path, expected: issue.message, ...(nearest === undefined ? {} : { hint: nearest }) }];
}

function unknownKey(path: Path, key: string, known: readonly string[]): Finding {
  const hint = didYouMean(key, known);
  const expected = `one of the keys ${known.join(', ')}`;
  return { path, found: 'an unknown key', expected, ...(hint === undefined ? {} : { hint }) };
}

/** The keys that the schema knows at a path. */
function keysOf(path: Path): string[] {
  let node: Described | undefined = describedSchema();
  for (const segment of path) {
    const outer = mapOf(node);
    node = outer && within(outer, segment);
  }
  return Object.keys(mapOf(node)?.properties ?? {});
}

function pathOf({ path }: Pick<Issue, 'path'>): Path {
  return path.map((segment) => (typeof segment === 'symbol' ? String(segment) : segment));
}

function isWithin(path: Path, outer: Path): boolean {
  return outer.every((segment, index) => path[index] === segment);
}
