// docs/dependencies.md: one row for each package of package.json, with its version and its own number of packages.
import { expect, it } from 'vitest';
import { readDocument, rowsOf } from '../support/markdown.ts';

type Packages = Readonly<Record<string, string>>;

function readPackage(file: string): { dependencies?: Packages; devDependencies?: Packages } {
  return JSON.parse(readDocument(file));
}

function expected(packages: Packages = {}): string[] {
  return Object.entries(packages).map(([name, version]) => {
    const own = readPackage(`node_modules/${name}/package.json`).dependencies ?? {};
    return `${name} ${version} (${Object.keys(own).length})`;
  });
}

it.each(['dependencies', 'devDependencies'] as const)('docs/dependencies.md lists %s as they are', (kind) => {
  const heading = kind === 'dependencies' ? '## At run time' : '## For development';
  const section = readDocument('docs/dependencies.md').split(heading)[1]?.split('\n## ')[0] ?? '';
  const rows = rowsOf(section);
  expect(rows.map(([name, version]) => `${name} ${version}`)).toEqual(expected(readPackage('package.json')[kind]));
  for (const [name, , purpose, reason] of rows) {
    expect(purpose, name).toMatch(/\S/);
    expect(reason, name).toMatch(/\S/);
  }
});
