// SECURITY.md: each defence has a test that is there, and what it names of the configuration, the unit and Node exists.
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { deadLinksOf, readDocument, rowsOf } from '../support/markdown.ts';
import { ROOT } from '../support/process.ts';

const document = readDocument('SECURITY.md');
const quoted = [...document.matchAll(/`([^`\n]+)`/g)].map(([, words = '']) => words);

/** The sections on who is expected, without the one before them. */
const actors = document.split('## Who is expected')[1]?.split('\n## ')[0]?.split('\n### ').slice(1) ?? [];

it('names a test for each defence, and each is there', () => {
  expect(actors).toHaveLength(6);
  for (const actor of actors) {
    const rows = rowsOf(actor);
    expect(rows.length, actor).toBeGreaterThan(2);
    for (const [attempt, defence = '', tests = ''] of rows) {
      expect(defence, attempt).not.toBe('');
      const named = [...tests.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file);
      expect(named, attempt).not.toEqual([]);
      for (const file of named) expect(existsSync(ROOT + file) && file.endsWith('.test.ts'), file).toBe(true);
    }
  }
});

it('has no dead link, and says how to report, what is supported and what is not defended', () => {
  expect(deadLinksOf('SECURITY.md')).toEqual([]);
  const headings = [...document.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual([
    'Reporting a vulnerability',
    'Supported versions',
    'What is worth something',
    'Who is expected, and what they run into',
    'What is not defended',
    'Hardening checklist',
  ]);
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
  expect(rowsOf(document)[0]).toEqual([version.split('.').slice(0, 2).join('.'), 'yes']);
});

it('names keys of the configuration, folders and switches that exist', () => {
  const configuration = readDocument('config/gateway.yaml');
  const keys = quoted.filter((words) => /^(listen|admin|accounts|anonymous|audit)\.\w+/.test(words));
  expect(keys.length).toBeGreaterThan(6);
  for (const key of keys) {
    const [, section, name] = /^(\w+)\.(\w+)/.exec(key) ?? [];
    expect(configuration, key).toMatch(new RegExp(`^${section}:[^]*?^ +#?${name}:`, 'm'));
  }
  const unit = readDocument('config/systemd/onetime-gateway.service');
  for (const setting of quoted.filter((words) => words.startsWith('LimitCORE') || words.startsWith('CoredumpFilter'))) {
    expect(unit).toContain(setting);
  }
  const switches = quoted.filter((words) => words.startsWith('--')).filter((words) => words !== '--inspect');
  expect(switches.length).toBeGreaterThan(3);
  for (const each of switches) expect(process.allowedNodeEnvironmentFlags.has(each), each).toBe(true);
  const rules = readDocument('config/prometheus/rules.yml');
  for (const alert of quoted.filter((words) => /^OnetimeGateway\w+$/.test(words)))
    expect(rules).toContain(`alert: ${alert}`);
});
