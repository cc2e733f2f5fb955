// What tests read out of documents.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './process.ts';

/** A file of the project, as text. */
export function readDocument(file: string): string {
  return readFileSync(ROOT + file, 'utf8');
}

/** The fenced blocks of a language, in order. */
export function blocksOf(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, found]) => found === language)
    .map(([, , content]) => content ?? '');
}

/** The cells of every table row, in order, without heads and rules. */
export function rowsOf(text: string): string[][] {
  const lines = text.split('\n');
  const isRule = (line: string | undefined): boolean => line !== undefined && /^\|( --- \|)+$/.test(line);
  return lines
    .filter((line, index) => line.startsWith('|') && !isRule(line) && !isRule(lines[index + 1]))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

/** `code` -> code. */
export function inCode(cell: string | undefined): string {
  return /^`(.*)`$/.exec(cell ?? '')?.[1] ?? '';
}

/** The anchors of a document's headings, as GitHub makes them. */
export function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
}

/**
 * Links and pictures of a document that lead nowhere: to no file, or to no heading.
 * @param file from the project's root
 */
export function deadLinksOf(file: string): string[] {
  const text = readDocument(file);
  const found = [...text.matchAll(/\]\(([^)]+)\)|(?:src|srcset)="([^"]+)"/g)].map(
    ([, link, picture]) => link ?? picture ?? '',
  );
  return found.filter((target) => {
    if (/^https?:/.test(target)) return false;
    const [path = '', anchor] = target.split('#');
    const leadsTo = path === '' ? ROOT + file : join(dirname(ROOT + file), path);
    if (!existsSync(leadsTo)) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(leadsTo, 'utf8')).includes(anchor);
  });
}
