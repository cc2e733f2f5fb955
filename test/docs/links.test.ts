// Every document: its links lead to files and headings that are there, its pictures are there, and the README's index has it.
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { deadLinksOf, readDocument } from '../support/markdown.ts';
import { ROOT } from '../support/process.ts';

const documents = readdirSync(`${ROOT}docs`).filter((name) => name.endsWith('.md'));

it.each(['README.md', 'CHANGELOG.md', ...documents.map((name) => `docs/${name}`)])('%s has no dead link', (file) => {
  expect(readDocument(file)).toMatch(/^# /);
  expect(deadLinksOf(file)).toEqual([]);
});

it('the README’s index has every document', () => {
  const index = readDocument('README.md').split('## Documents\n')[1]?.split(/\n#+ /)[0] ?? '';
  expect(documents.length).toBeGreaterThan(10);
  expect(documents.filter((name) => !index.includes(`(docs/${name})`))).toEqual([]);
});
