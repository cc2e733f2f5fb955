// From lines of a file to rows of the directory, or to what is wrong with them.
import type { RegionName } from '../domain.ts';
import type { AccountRow } from '../store/directory-store.ts';
import { nameFault } from './account-name.ts';
import type { Books } from './desk-books.ts';
import { type Fault, fault, type RawLine, shown } from './import-line.ts';

export interface CheckOptions {
  readonly books: Pick<Books, 'rowOf'>;
  readonly regions: readonly RegionName[];
  readonly suggest: (text: string, names: readonly string[]) => string | undefined;
}

export interface CheckedRow extends AccountRow {
  readonly line: number;
  /** As the file has it; never stored. */
  readonly name: string;
}

const PINNED = 'true or false';
const ALSO = 'names of regions, separated by spaces, ; or |';
const TRUE: readonly string[] = ['true', 'yes', '1'];
const FALSE: readonly string[] = ['false', 'no', '0'];

/** @returns for each line its row, or everything that is wrong with it; remembers every account by its hash */
export function createCheck({ books, regions, suggest }: CheckOptions): (raw: RawLine) => CheckedRow | Fault[] {
  const known = new Set<string>(regions);
  const expectedRegion = `one of ${regions.join(', ')}`;
  const seen = new Map<string, number>();

  const regionFault = (line: number, field: string, found: unknown): Fault =>
    fault(line, field, shown(found), expectedRegion, typeof found === 'string' ? suggest(found, regions) : undefined);

  function checkAlso(line: number, value: unknown, faults: Fault[]): string[] {
    const list = listOf(value);
    if (list === undefined) {
      faults.push(fault(line, 'also', shown(value), ALSO, undefined));
      return [];
    }
    for (const name of list) if (!known.has(name)) faults.push(regionFault(line, 'also', name));
    return list;
  }

  return ({ line, name, region, pinned: flag, also: others }) => {
    const faults: Fault[] = [];
    const wrong = typeof name === 'string' ? nameFault(name) : nameFault('');
    if (wrong !== undefined) faults.push(fault(line, 'name', shown(name), wrong.expected, wrong.hint));
    if (typeof region !== 'string' || !known.has(region)) faults.push(regionFault(line, 'region', region));
    const pinned = flagOf(flag);
    if (pinned === undefined) faults.push(fault(line, 'pinned', shown(flag), PINNED, undefined));
    const also = checkAlso(line, others, faults);
    if (typeof name !== 'string' || typeof region !== 'string' || wrong !== undefined) return faults;

    const facts = {
      region,
      pinned: pinned ?? true,
      also: [...new Set(also)].filter((other) => other !== region).sort(),
    };
    const row = books.rowOf(name, facts);
    const key = row.hash.toString('latin1');
    const first = seen.get(key);
    if (first === undefined) seen.set(key, line);
    else {
      const found = `${shown(name)}, which line ${first} has too`;
      faults.push(
        fault(line, 'name', found, 'every account once', 'Capitals and accents do not make another account.'),
      );
    }
    return faults.length > 0 ? faults : { ...row, line, name };
  };
}

function flagOf(value: unknown): boolean | undefined {
  if (value === undefined) return true;
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.toLowerCase() : '';
  if (TRUE.includes(word)) return true;
  return FALSE.includes(word) ? false : undefined;
}

function listOf(value: unknown): string[] | undefined {
  if (value === undefined) return [];
  if (typeof value === 'string') return value.split(/[\s,;|]+/).filter((name) => name !== '');
  if (!Array.isArray(value)) return undefined;
  return value.every((name) => typeof name === 'string') ? value : undefined;
}
