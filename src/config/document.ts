// From YAML text to plain values, variables put in, and the place of each.

import type { Alias, YAMLError, YAMLMap, YAMLWarning } from 'yaml';
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { substitute } from './environment.ts';
import { type Finding, Places } from './places.ts';
import type { Path } from './problem.ts';

/** A YAML file as plain maps, lists and scalars. */
export interface Source {
  /** Undefined where the text is not YAML; null where it is empty. */
  readonly tree: unknown;
  readonly places: Places;
  readonly findings: readonly Finding[];
}

interface Reading {
  readonly document: Document.Parsed;
  readonly env: NodeJS.ProcessEnv;
  readonly places: Places;
  readonly findings: Finding[];
  aliases: number;
}

const MAX_DEPTH = 32;
/** Aliases of aliases multiply: beyond this many in all, the file is refused. */
const MAX_ALIASES = 100;
const TOO_DEEP = { found: 'lists and maps nested too deeply', expected: `at most ${MAX_DEPTH} levels` };
const TOO_MANY = { found: 'too many aliases (*name)', expected: `at most ${MAX_ALIASES}, counted as they multiply` };

/** Reads one YAML document. Never throws: what is wrong is in `findings`. */
export function readSource(text: string, env: NodeJS.ProcessEnv): Source {
  const lines = new LineCounter();
  const places = new Places(lines);
  let document: Document.Parsed;
  try {
    // uniqueKeys off: duplicates are found below, where the line of the first one can be told
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  } catch (cause) {
    // the parser recurses, and a deep file overflows the stack
    if (!(cause instanceof RangeError)) throw cause;
    return { tree: undefined, places, findings: [{ path: [], offset: 0, ...TOO_DEEP }] };
  }
  const wrong = [...document.errors, ...document.warnings];
  if (wrong.length > 0) return { tree: undefined, places, findings: syntaxFindings(wrong) };
  const reading: Reading = { document, env, places, findings: [], aliases: 0 };
  const tree = readNode(document.contents, [], reading);
  return { tree, places, findings: reading.findings };
}

/** One finding for each place: what the parser says after the first is its confusion. */
function syntaxFindings(wrong: readonly (YAMLError | YAMLWarning)[]): Finding[] {
  const findings = new Map<number, Finding>();
  for (const { code, message, pos } of wrong) {
    const [offset] = pos;
    if (findings.has(offset)) continue;
    findings.set(offset, { path: [], offset, ...syntaxWords(code, message.replace(/\s+/g, ' ').trim()) });
  }
  return [...findings.values()];
}

function syntaxWords(code: string, message: string): { found: string; expected: string } {
  if (code === 'MULTIPLE_DOCS') return { found: 'a second document', expected: 'one YAML document in the file' };
  if (/call stack/i.test(message)) return TOO_DEEP;
  return { found: `text that is not valid YAML (${message})`, expected: 'valid YAML' };
}

function readNode(node: unknown, path: Path, reading: Reading): unknown {
  if (path.length > MAX_DEPTH) {
    reading.findings.push({ path: path.slice(0, 1), offset: reading.places.at(path).offset, ...TOO_DEEP });
    return undefined;
  }
  if (isAlias(node)) return readAlias(node, path, reading);
  if (isMap(node)) return readMap(node, path, reading);
  if (isSeq(node)) return node.items.map((item, index) => readItem(item, [...path, index], reading));
  if (!isScalar(node)) return null;
  return typeof node.value === 'string' ? readText(node.value, path, reading) : node.value;
}

function readAlias(node: Alias, path: Path, reading: Reading): unknown {
  reading.aliases += 1;
  if (reading.aliases === MAX_ALIASES + 1) reading.findings.push({ path, ...TOO_MANY });
  if (reading.aliases > MAX_ALIASES) return undefined;
  const anchored = node.resolve(reading.document);
  if (anchored !== undefined) return readNode(anchored, path, reading);
  reading.findings.push({ path, found: `*${node.source}`, expected: `the anchor &${node.source} somewhere above` });
  return undefined;
}

function readItem(item: unknown, path: Path, reading: Reading): unknown {
  reading.places.set(path, { offset: startOf(item) ?? reading.places.at(path).offset });
  return readNode(item, path, reading);
}

function readMap(node: YAMLMap, path: Path, reading: Reading): unknown {
  const { places, findings } = reading;
  const map: Record<string, unknown> = {};
  for (const { key, value } of node.items) {
    const offset = startOf(key) ?? startOf(value) ?? startOf(node) ?? 0;
    const name = isScalar(key) ? (key.source ?? String(key.value)) : undefined;
    if (name === undefined || name === '__proto__') {
      findings.push({ path: [...path, name ?? '?'], offset, found: 'a key that cannot be one', expected: 'a word' });
      continue;
    }
    const inner = [...path, name];
    if (Object.hasOwn(map, name)) {
      const expected = `each key once; it stands already at line ${places.lineOf(inner)}`;
      findings.push({ path: inner, offset, found: 'the same key again', expected });
      continue;
    }
    places.set(inner, { offset });
    map[name] = readNode(value, inner, reading);
  }
  return map;
}

function readText(source: string, path: Path, { env, places, findings }: Reading): string | undefined {
  if (!source.includes('${')) return source;
  const substituted = substitute(source, env);
  places.set(path, { offset: places.at(path).offset, source, substituted });
  if (substituted.problem === undefined) return substituted.text;
  findings.push({ path, ...substituted.problem });
  return undefined;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
