// Where each value stands in the file, so that what is wrong with it can be told by line and column.
import type { LineCounter } from 'yaml';
import type { Substituted } from './environment.ts';
import { describeValue, keyOf, type Path, type Problem } from './problem.ts';

/** Something wrong at a path; `found` and `offset` are looked up where they are not given. */
export interface Finding {
  readonly path: Path;
  readonly expected: string;
  readonly found?: string;
  readonly hint?: string;
  readonly offset?: number;
}

/** One value: where its key stands (in a list, itself), and what it was before its variables were put in. */
export interface Place {
  readonly offset: number;
  readonly source?: string;
  readonly substituted?: Substituted;
}

/** The places of a file, by path. */
export class Places {
  readonly #places = new Map<string, Place>();
  readonly #lines: LineCounter;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  set(path: Path, place: Place): void {
    this.#places.set(JSON.stringify(path), place);
  }

  /** The place of the value, or of the nearest one around it that stands in the file. */
  at(path: Path): Place {
    for (let length = path.length; length >= 0; length -= 1) {
      const place = this.#places.get(JSON.stringify(path.slice(0, length)));
      if (place !== undefined) return place;
    }
    return { offset: 0 };
  }

  /** From 1. */
  lineOf(path: Path): number {
    return this.#position(this.at(path).offset).line;
  }

  /** Whether the value came from the environment: it may be a secret, and is not shown. */
  isHidden(path: Path): boolean {
    return (this.at(path).substituted?.names.length ?? 0) > 0;
  }

  /** Puts file, position and words to a finding. `tree` is the whole configuration as plain values. */
  toProblem(finding: Finding, tree: unknown, file: string): Problem {
    const { path, expected, hint } = finding;
    const { line, column } = this.#position(finding.offset ?? this.at(path).offset);
    const found = finding.found ?? this.#describe(path, tree);
    return { file, line, column, key: keyOf(path), found, expected, ...(hint === undefined ? {} : { hint }) };
  }

  #describe(path: Path, tree: unknown): string {
    const { source = '', substituted } = this.at(path);
    const [first, ...others] = substituted?.names ?? [];
    if (substituted === undefined || first === undefined) return describeValue(valueAt(tree, path));
    const names = [first, ...others].map((name) => `\${${name}}`).join(' and ');
    const value = `the value of ${names}${substituted.text === '' ? ', which is empty' : ''}`;
    return substituted.whole ? value : `${describeValue(source)} with ${value}`;
  }

  #position(offset: number): { line: number; column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** The value at a path of plain maps and lists; undefined where there is none. */
export function valueAt(tree: unknown, path: Path): unknown {
  let value = tree;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = Reflect.get(value, segment);
  }
  return value;
}
