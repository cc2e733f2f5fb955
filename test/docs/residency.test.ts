// docs/residency.md: its commands run as they stand and print what it shows; the tests that it names are there.
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { REFUSAL_CODES } from '../../src/refusal.ts';
import { blocksOf, inCode, readDocument, rowsOf } from '../support/markdown.ts';
import { needs } from '../support/needs.ts';
import { ROOT } from '../support/process.ts';
import { fencesOf, masked, openWalk } from './walk.ts';

const document = readDocument('docs/residency.md');
const present = [needs('curl', 'apt-get install curl'), needs('jq', 'apt-get install jq')].every(Boolean);

it.runIf(present)(
  'has commands that print what it shows, one after the other',
  async () => {
    const blocks = fencesOf(document);
    const serving = blocks.find(({ text }) => text.includes('onetime-gateway serve'))?.text ?? '';
    await using walk = await openWalk(serving, blocksOf(document, 'yaml')[0] ?? '');
    walk.write('gateway-per-region.yaml', readDocument('config/examples/gateway-per-region.yaml'));
    const log = (): string => readFileSync(`${walk.folder}/data/audit.jsonl`, 'utf8');

    let shown = 0;
    for (const [at, { language, text }] of blocks.entries()) {
      if (language !== 'sh' || text === serving) continue;
      if (text.includes('head -n 3')) {
        // "Somebody stops the gateway".
        walk.gateway.kill('SIGTERM');
        expect((await walk.gateway.exited).code).toBe(0);
      }
      const { stdout, stderr } = await walk.shell(text);
      const next = blocks[at + 1];
      const expected = next?.language === 'text' ? next.text : '';
      shown += expected === '' ? 0 : 1;
      expect({ text, stderr, stdout: masked(stdout) }).toEqual({ text, stderr: '', stdout: masked(expected) });
      if (text.includes('curl')) await expect.poll(log).toContain('v1.private.recent');
    }
    expect(shown).toBeGreaterThan(6);
  },
  90_000,
);

it('has a configuration that loads', () => {
  const [config = ''] = blocksOf(document, 'yaml');
  expect(parseConfig(config, 'g.yaml', {}).regions.map(({ name }) => name)).toEqual(['us', 'eu']);
});

it('names a test for each claim, and each is there', () => {
  const claims = rowsOf(document.split('## Claims and their tests')[1] ?? '');
  expect(claims.length).toBeGreaterThan(12);
  for (const [claim, , tests = ''] of claims) {
    const named = tests.split(', ').map(inCode);
    expect(named, claim).not.toContain('');
    expect(
      named.filter((file) => !existsSync(ROOT + file)),
      claim,
    ).toEqual([]);
  }
});

it('names files and refusals that exist', () => {
  const quoted = [...document.matchAll(/`([^`\n]+)`/g)].map(([, words = '']) => words);
  expect(quoted.filter((words) => words.startsWith('src/') && !existsSync(ROOT + words))).toEqual([]);
  const codes = [...document.matchAll(/\b4\d\d `(\w+)`/g)].map(([, code = '']) => code);
  expect(codes).toContain('pin_violation');
  expect(codes.filter((code) => !REFUSAL_CODES.some((known) => known === code))).toEqual([]);
});
