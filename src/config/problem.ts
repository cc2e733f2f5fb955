// What is wrong with a configuration, and the error that carries it.
import { distance } from 'fastest-levenshtein';

/** Where a value stands in the configuration: map keys and list positions from the root. */
export type Path = readonly (string | number)[];

/** One thing that is wrong, and where. Holds no value that came from the environment. */
export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** `limits.perKey.mode`, or empty for the file as a whole. */
  readonly key: string;
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
}

/** Everything that is wrong with a configuration, in the order of the file. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    super(problems.map(sentence).join('\n'), options);
    this.problems = problems;
  }
}

function sentence({ file, line, column, key, found, expected, hint }: Problem): string {
  const where = `${file}:${line}:${column}: ${key === '' ? '' : `${key}: `}`;
  return `${where}found ${found}, expected ${expected}${hint === undefined ? '' : `. ${hint}`}`;
}

/** `accounts.rules[0].region`; a key that is not a plain word is quoted. */
export function keyOf(path: Path): string {
  return path
    .map((segment, index) => {
      if (typeof segment === 'number') return `[${segment}]`;
      if (!/^[\w-]+$/.test(segment)) return `[${JSON.stringify(segment)}]`;
      return index === 0 ? segment : `.${segment}`;
    })
    .join('');
}

/** `Did you mean "enforce"?` for the nearest of `names`, if one is near enough to be meant. */
export function didYouMean(text: string, names: readonly string[]): string | undefined {
  const written = text.slice(0, 80).toLowerCase();
  let best: { readonly name: string; readonly steps: number } | undefined;
  for (const name of names) {
    const meant = name.toLowerCase();
    const steps = sortedLetters(written) === sortedLetters(meant) ? 0 : distance(written, meant);
    const near = steps <= Math.floor(Math.max(written.length, meant.length) / 3);
    if (near && (best === undefined || steps < best.steps)) best = { name, steps };
  }
  return best === undefined ? undefined : `Did you mean ${JSON.stringify(best.name)}?`;
}

/** Swapped letters are two steps apart, but the likeliest slip of all. */
function sortedLetters(text: string): string {
  return [...text].sort().join('');
}

/** A plain value of the file as error messages show it: short, on one line, without credentials of a URL. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'an empty map' : 'a map';
  if (typeof value !== 'string') return String(value);
  const shown = value.replace(/\/\/\S*@/g, '//***@');
  return JSON.stringify(shown.length > 80 ? `${shown.slice(0, 80)}...` : shown);
}
