// Ways through the plain values of a configuration, for what one key says of another.
import { type Places, valueAt } from './places.ts';
import type { Path } from './problem.ts';
import { Unfit } from './units.ts';

/** Remembers where each name stood first. */
export class Firsts {
  readonly #lines = new Map<string, number>();
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  lineOf(name: string): number | undefined {
    return this.#lines.get(name);
  }

  /** The line where the name stood before; notes this place if it is the first. What is no name stands nowhere. */
  lineBefore(name: string | Unfit, path: Path): number | undefined {
    if (name instanceof Unfit) return undefined;
    const line = this.#lines.get(name);
    if (line === undefined) this.#lines.set(name, this.#places.lineOf(path));
    return line;
  }
}

export function keysAt(tree: unknown, path: Path): string[] {
  const value = valueAt(tree, path);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
}

export function textsAt(tree: unknown, path: Path): [Path, string][] {
  const value = valueAt(tree, path);
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown, index): [Path, string][] =>
    typeof item === 'string' ? [[[...path, index], item]] : [],
  );
}
