// The files of the operators' page, as a fixed list: names are looked up, paths are never put together.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One file, fit to be answered. */
export interface PageFile {
  readonly body: Buffer;
  /** Content-Type. */
  readonly type: string;
  /** Changes with the body. */
  readonly etag: string;
}

export interface PageFiles {
  /** The page itself. */
  page(): PageFile;
  /** @param name as it stands behind /console/, nothing undone in it @returns undefined where it is not in the list */
  find(name: string): PageFile | undefined;
}

/** Beside this file, in the sources and in what is built of them. */
export const PAGE_FOLDER = fileURLToPath(new URL('./page', import.meta.url));
const PAGE = 'index.html';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

/** Served beside the page's own, from the installed package. */
const LIBRARY = { 'uPlot.esm.js': 'uplot/dist/uPlot.esm.js', 'uPlot.min.css': 'uplot/dist/uPlot.min.css' } as const;

/**
 * The names under which a file is served. A module has both endings: the page names the one that is built, and in the
 * sources modules import each other by the other.
 */
function namesOf(file: string): string[] {
  if (file.endsWith('.d.ts') || TYPES[extname(file)] === undefined || file === PAGE) return [];
  const module = /^(.*)\.[jt]s$/.exec(file)?.[1];
  return module === undefined ? [file] : [`${module}.js`, `${module}.ts`];
}

/** Name -> path on the disk. */
function listFiles(folder: string): Map<string, string> {
  const own = readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((file) =>
    namesOf(file.split(sep).join('/')).map((name) => [name, join(folder, file)] as const),
  );
  const { resolve } = createRequire(import.meta.url);
  return new Map([...own, ...Object.entries(LIBRARY).map(([name, file]) => [name, resolve(file)] as const)]);
}

/** Node's own stripping, which runs these very sources, says on each first use that it is experimental: known here. */
function withoutTypes(text: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = emitWarning;
  }
}

function readPageFile(path: string): PageFile {
  const bytes = readFileSync(path);
  const body = extname(path) === '.ts' ? Buffer.from(withoutTypes(bytes.toString('utf8'))) : bytes;
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { body, etag, type: TYPES[extname(path)] ?? '' };
}

/** Read when they are first asked for, and again when they have changed: the page is worked on while it is served. */
export function openPageFiles(folder = PAGE_FOLDER): PageFiles {
  let list: Map<string, string> | undefined;
  const read = new Map<string, { readonly changedMs: number; readonly file: PageFile }>();

  function fileAt(path: string): PageFile {
    const { mtimeMs: changedMs } = statSync(path);
    const known = read.get(path);
    if (known?.changedMs === changedMs) return known.file;
    const file = readPageFile(path);
    read.set(path, { changedMs, file });
    return file;
  }

  return {
    page: () => fileAt(join(folder, PAGE)),
    find(name) {
      list ??= listFiles(folder);
      const path = list.get(name);
      return path === undefined ? undefined : fileAt(path);
    },
  };
}
