// What tests read out of documents.
import { readFileSync } from 'node:fs';
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
