// No installed copy of anything has a flaw that the table knows; and the table, the tests and the tree know the same.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ADVISORIES, shows } from './advisories.ts';
import { copiesInLock, versionOnDisk } from './installed.ts';
import { boundsOf, compareVersions, isAffected } from './versions.ts';

describe('versions', () => {
  it('are in the order of semver', () => {
    const ordered = [
      '0.9.9',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.1',
      '1.2.0',
      '1.10.0',
      '2.0.0',
      '10.0.0',
    ];
    const shuffled = ordered.toReversed();
    expect(shuffled.sort(compareVersions)).toEqual(ordered);
    expect(compareVersions('1.0.0+a', '1.0.0+b')).toBe(0);
  });

  it.each([
    ['1.2.3', true],
    ['1.9.9', true],
    ['1.10.0-rc.1', true],
    ['1.10.0', false],
    ['1.2.2', false],
    ['2.0.0', true],
    ['2.0.1', false],
    ['3.0.0', false],
  ])('%s in the ranges: %s', (version, expected) => {
    expect(isAffected(version, ['>=1.2.3 <1.10.0', '>=2.0.0 <2.0.1'])).toBe(expected);
  });

  it.each(['', '1', '1.2', 'v1.2.3', '1.2.3.4', '01.2.3', '1.2.x', ' 1.2.3', '1.2.3-'])('"%s" is none', (text) => {
    expect(() => compareVersions(text, '1.0.0')).toThrow(`not a version like 1.2.3: "${text}"`);
  });

  it.each(['<1.0.0', '>=1.0.0', '>=2.0.0 <1.0.0', '>=1.0.0 <1.0.0', '>=0 <1.0.0', '^1.0.0'])(
    '%s is no range',
    (text) => {
      expect(() => boundsOf(text)).toThrow(RangeError);
    },
  );
});

/** Named by advisories, and not in the tree: whoever brings them in has to look at these tests. */
const NOT_INSTALLED = ['@fastify/websocket', 'forwarded', 'proxy-addr'];

const copies = copiesInLock();
const rows = ADVISORIES.filter(({ package: name }) => name !== 'node').flatMap((advisory) =>
  copies
    .filter(({ name }) => name === (advisory.now ?? advisory.package))
    .map((copy) => [advisory.id, copy.path, copy.version, advisory.affected, copy] as const),
);

describe('what is installed', () => {
  it.each(rows)('%s: %s %s has it not', (_id, _path, version, affected, copy) => {
    expect(isAffected(version, affected)).toBe(false);
    expect(versionOnDisk(copy)).toBe(version);
  });

  it('every copy of undici was looked at, also the one that @fastify/reply-from brings', () => {
    const looked = new Set(rows.map(([, path]) => path).filter((path) => path.endsWith('/undici')));
    expect([...looked].sort()).toEqual(copies.flatMap(({ name, path }) => (name === 'undici' ? [path] : [])).sort());
    expect(looked.size).toBeGreaterThan(1);
  });

  it('every package of the table is in the tree, but for those known not to be', () => {
    const named = new Set(ADVISORIES.map(({ package: name, now }) => now ?? name).filter((name) => name !== 'node'));
    const absent = [...named].filter((wanted) => !copies.some(({ name }) => name === wanted));
    expect(absent.sort()).toEqual(NOT_INSTALLED);
  });

  it.each(ADVISORIES.filter(({ package: name }) => name === 'node').map(({ id, affected }) => [id, affected] as const))(
    '%s: the Node that runs has it not',
    (_id, affected) => {
      expect(isAffected(process.versions.node, affected)).toBe(false);
    },
  );

  it('the undici within Node has none that undici is known to have', () => {
    const version = process.versions.undici ?? '';
    const found = ADVISORIES.filter((row) => row.package === 'undici' && isAffected(version, row.affected));
    expect(found.map(({ id }) => id)).toEqual([]);
  });
});

describe('the table', () => {
  const FOLDER = fileURLToPath(new URL('./', import.meta.url));
  const tested = readdirSync(FOLDER)
    .filter((file) => file.endsWith('.test.ts') && file !== 'versions.test.ts')
    .flatMap((file) => readFileSync(`${FOLDER}${file}`, 'utf8').match(/'(?:GHSA|CVE)-[\w-]+'/g) ?? [])
    .map((quoted) => quoted.slice(1, -1));

  it('every advisory of which something is shown has its test, and no other has', () => {
    const shown = ADVISORIES.flatMap(({ id, here }) => ('shown' in here ? [id] : []));
    expect([...new Set(tested)].sort()).toEqual([...new Set(shown)].sort());
  });

  it.each(ADVISORIES)(
    '$id of $package is named as it is published, with ranges in order',
    ({ id, alias, affected }) => {
      expect(id).toMatch(/^(?:GHSA(?:-[23456789cfghjmpqrvwx]{4}){3}|CVE-20\d\d-\d{4,})$/);
      expect(alias ?? 'CVE-2000-0000').toMatch(/^CVE-20\d\d-\d{4,}$/);
      expect(affected.length).toBeGreaterThan(0);
      for (const range of affected) expect(boundsOf(range)).toHaveLength(2);
    },
  );

  it('no advisory stands twice for one package', () => {
    const keys = ADVISORIES.map(({ id, package: name }) => `${id} ${name}`);
    expect(keys).toHaveLength(new Set(keys).size);
  });

  it('has no title for what it does not know, or does not show', () => {
    expect(() => shows('GHSA-0000-0000-0000')).toThrow('nothing is shown of');
    expect(() => shows('CVE-2026-21717')).toThrow('nothing is shown of');
  });
});
