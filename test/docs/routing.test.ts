// docs/routing.md: its examples are what `explain` says.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { accountKey } from '../../src/caller/credentials.ts';
import { run } from '../../src/cli/program.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { RegionName } from '../../src/domain.ts';
import { createKeyedHash } from '../../src/keyed-hash.ts';
import { createKeyIndex } from '../../src/locality/key-index.ts';
import { loadIdentityKeys } from '../../src/store/identity-key.ts';
import { openStore } from '../../src/store/open.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { blocksOf, inCode, readDocument, rowsOf } from '../support/markdown.ts';

/** The names of the document's keys; each is made long enough to be one. */
const KEY = /\b(?:[A-Z]+_)?(?:KEY|SECRET|METADATA)\b/g;
const keyOf = (name: string): string => `${name}0123456789abcdefghij`;
const document = readDocument('docs/routing.md');

/** Each configuration of the document with the examples that follow it. */
const sections = document
  .split(/^(?=```yaml$)/m)
  .slice(1)
  .map((text, index) => ({
    name: `configuration ${index + 1}`,
    config: blocksOf(text, 'yaml')[0] ?? '',
    examples: rowsOf(text)
      .filter(([request = '']) => request.startsWith('`'))
      .map(([request, rules = '', answer = '']) => ({ request: inCode(request), rules, answer })),
    creates: rowsOf(text).flatMap(([made = '', secret = '', metadata = '']) => {
      const [, owner, region] = /^by (\S+) in (\S+)$/.exec(made) ?? [];
      return owner === undefined ? [] : [{ owner, region: region as RegionName, secret, metadata }];
    }),
  }));
type Create = (typeof sections)[number]['creates'][number];

let folder: Folder;
beforeAll(() => {
  folder = openFolder();
});
afterAll(() => folder[Symbol.dispose]());

/** Into the store of a configuration, as creates through its gateway do. */
async function learn(file: string, creates: readonly Create[]): Promise<void> {
  const { store: at, identityKeyFile, regions, storeTimeoutMs } = loadConfig(file, {});
  const now = Date.now;
  const store = openStore(at, { now, storeTimeoutMs });
  const { current } = loadIdentityKeys({ file: identityKeyFile, env: undefined, now });
  const index = createKeyIndex(store, {
    now,
    keys: { current: createKeyedHash(current), older: [] },
    regions: new Set(regions.map(({ name }) => name)),
    frontEntries: 1,
    storeTimeoutMs,
  });
  for (const { owner, region, secret, metadata } of creates) {
    const about = { region, owner: owner === 'nobody' ? undefined : accountKey(owner), ttlSeconds: 3600 };
    await index.learn([
      { ...about, kind: 'secret', key: keyOf(secret) },
      { ...about, kind: 'metadata', key: keyOf(metadata) },
    ]);
  }
  await store.close();
}

/** What explain printed, in the words of the tables. */
function summary(printed: string): { rules: string; answer: string } {
  const rules = [...printed.matchAll(/^rule (\d)/gm)].map(([, number]) => number).join(', ');
  const sent = /^sent to {2}(.*)$/m.exec(printed)?.[1];
  const refused = /^refused {2}(\d+ \w+):/m.exec(printed)?.[1];
  const shown = /^the caller is shown [^;]*/m.exec(printed)?.[0];
  return { rules, answer: sent ?? shown ?? refused ?? /^answered [^;]*/m.exec(printed)?.[0] ?? '' };
}

it('has examples', () => {
  expect(sections.map(({ examples }) => examples.length)).toEqual([19, 5, 4, 17]);
  expect(sections.map(({ creates }) => creates.length)).toEqual([0, 0, 0, 3]);
});

describe.each(sections)('$name', ({ name, config, examples, creates }) => {
  let file: string;
  beforeAll(async () => {
    file = folder.write(`${name}.yaml`, config);
    if (creates.length > 0) await learn(file, creates);
  });
  afterAll(() => rmSync(join(folder.path, 'data'), { recursive: true, force: true }));

  it.each(examples)('$request', async ({ request, rules, answer }) => {
    const args = request.replace(KEY, keyOf).split(' ');
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const code = await run(['node', 'onetime-gateway', 'explain', ...args, '--config', file]);
    const printed = write.mock.calls.map(([text]) => String(text)).join('');
    write.mockRestore();
    expect(code).toBe(0);
    expect(summary(printed)).toEqual({ rules, answer });
  });
});
