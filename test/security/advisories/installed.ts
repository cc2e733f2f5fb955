// Which versions of a package are installed: every copy in the tree, also one that another package brought for itself.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MODULES = 'node_modules/';

export interface Copy {
  readonly name: string;
  /** `node_modules/a/node_modules/b` */
  readonly path: string;
  /** As package-lock.json asks for it. */
  readonly version: string;
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly name?: string }>>;
}

function read<T>(path: string): T {
  return JSON.parse(readFileSync(`${ROOT}${path}`, 'utf8')) as T;
}

/** Every package in package-lock.json, the project itself left out. */
export function copiesInLock(): readonly Copy[] {
  return Object.entries(read<Lock>('package-lock.json').packages).flatMap(([path, { version, name }]) => {
    if (path === '' || version === undefined) return [];
    return [{ path, version, name: name ?? path.slice(path.lastIndexOf(MODULES) + MODULES.length) }];
  });
}

/** What stands in the package's own package.json. */
export function versionOnDisk({ path }: Copy): string {
  return read<{ readonly version: string }>(`${path}/package.json`).version;
}
