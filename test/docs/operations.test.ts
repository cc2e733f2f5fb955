// docs/operations.md: a section for every alert, names that exist, commands that run as they stand.
import { createHash } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { delimiter } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { REFUSAL_CODES } from '../../src/refusal.ts';
import { panelsOf, readDashboards } from '../prometheus/dashboards.ts';
import { alertsOf, LABELS_OF, metricsIn, readRules } from '../prometheus/files.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { blocksOf, readDocument } from '../support/markdown.ts';
import { needs } from '../support/needs.ts';
import { ROOT, type Running, run, start } from '../support/process.ts';

const document = readDocument('docs/operations.md');
const prose = document.replaceAll(/^```sh\n.*?^```$/gms, '');
const quoted = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, words = '']) => words);
const commands = blocksOf(document, 'sh').flatMap((block) => block.trim().split('\n'));

/** As GitHub makes anchors of headings. */
const anchors = [...document.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-'),
);

describe('the runbook', () => {
  const alerts = alertsOf(readRules());
  const section = (name: string): string => document.split(/^### /m).find((text) => text.startsWith(`${name}\n`)) ?? '';

  it.each([...new Set(alerts.map(({ alert }) => alert))])(
    'has %s: what it means, who notices, how to look, what to do',
    (name) => {
      for (const part of ['Means', 'Callers see', 'Look', 'Do']) expect(section(name), part).toContain(`**${part}.**`);
    },
  );

  it('has no alert that the rules do not have', () => {
    const named = [...document.matchAll(/^### (.*)$/gm)].map(([, name]) => name);
    expect(new Set(named)).toEqual(new Set(alerts.map(({ alert }) => alert)));
  });

  it('is where the alerts say', () => {
    for (const { annotations } of alerts) {
      const [file, anchor] = (annotations.runbook_url ?? '').split('#');
      expect(file).toBe('docs/operations.md');
      expect(anchors).toContain(anchor);
    }
  });

  it('names each alert’s own metrics', () => {
    const of = (text: string) => new Set(metricsIn(text).map(({ name }) => name));
    for (const { alert, expr } of alerts) {
      const [first] = of(expr);
      if (first !== undefined) expect([...of(section(alert))], alert).toContain(first);
    }
  });
});

describe('what is named', () => {
  it('links lead to headings and files that are there', () => {
    for (const [, target = ''] of document.matchAll(/\]\((?!http)([^)]+)\)/g)) {
      const [file = '', anchor] = target.split('#');
      if (file === '') expect(anchors).toContain(anchor);
      else expect(readDocument(`docs/${file}`).length, target).toBeGreaterThan(0);
    }
  });

  it('metrics exist, with their labels', () => {
    const named = metricsIn(document);
    expect(named.length).toBeGreaterThan(20);
    for (const { name, labels } of named) {
      expect([...LABELS_OF.keys()]).toContain(name);
      expect(LABELS_OF.get(name), name).toEqual(expect.arrayContaining([...labels]));
    }
  });

  it('panels exist', () => {
    const titles = readDashboards().flatMap(([, dashboard]) => panelsOf(dashboard).map(({ title }) => title));
    const named = quoted.filter((words) => /^[A-Z][a-z]+( [\w .]+)?$/.test(words));
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((title) => !titles.includes(title))).toEqual([]);
  });

  it('refusals exist', () => {
    const codes = [...prose.matchAll(/[45]\d\d `(\w+)`/g)].map(([, code = '']) => code);
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => !REFUSAL_CODES.some((known) => known === code))).toEqual([]);
  });

  it('keys of the configuration exist', () => {
    const file: Record<string, unknown> = parse(
      readDocument('config/gateway.yaml').replace(/^( +)#(?:source|tls):\n(?: +# .*\n)+/gm, (block) =>
        block.replace(/^( +)#/gm, '$1'),
      ),
    );
    const keys = quoted.filter((words) => /^\w+(\.\w+)+$/.test(words) && (words.split('.')[0] ?? '') in file);
    expect(keys.length).toBeGreaterThan(10);
    for (const key of keys) {
      const value = key
        .split('.')
        .reduce<unknown>((inside, name) => new Map(Object.entries(Object(inside))).get(name), file);
      expect(value, key).toBeDefined();
    }
  });
});

const TOKEN = `otga_${'o'.repeat(43)}`;
const CONFIG = `listen: { host: 127.0.0.1, port: 0 }
admin:
  port: 0
  tokens: [{ name: test, role: write, hash: "sha256:${createHash('sha256').update(TOKEN).digest('hex')}" }]
regions: { us: { upstreams: ["http://127.0.0.1:9"] }, eu: { upstreams: ["http://127.0.0.1:10"] } }
workers: 1
`;

/** What is not run here, and why. */
const ELSEWHERE: readonly (readonly [part: string, why: string])[] = [
  ['sqlite3 ', 'sqlite3 is no part of the project'],
  ['install ', 'copies to places of the reader’s own'],
  ['ADMIN=', 'set for all of them'],
  ['AUTH=', 'set for all of them'],
  ['JSON=', 'set for all of them'],
  ['serve ', 'the gateway that the others look at'],
];

describe.runIf(needs('curl', 'apt-get install curl'))('commands', () => {
  let folder: Folder;
  let gateway: Running;
  let env: Record<string, string>;
  let admin: string;
  const shell = (line: string) => run('bash', ['-c', line], { cwd: folder.path, env });

  beforeAll(async () => {
    folder = openFolder();
    const command = folder.write(
      'onetime-gateway',
      `#!/bin/sh\nexec "${process.execPath}" "${ROOT}src/main.ts" "$@"\n`,
    );
    chmodSync(command, 0o755);
    folder.write('gateway.yaml', CONFIG);
    env = { PATH: `${folder.path}${delimiter}${process.env.PATH}`, TOKEN };
    const [serve = ''] = commands.filter((line) => line.includes('serve '));
    gateway = await start('bash', ['-c', `exec ${serve}`], { cwd: folder.path, env });
    [, admin = ''] = await gateway.line(/"admin":"(http:[^"]+)"/);
    const settings = commands.filter((line) => /^[A-Z]+=/.test(line)).join('; ');
    // Whom the page moves.
    expect((await shell('onetime-gateway accounts add ann@corp.example --region us --config gateway.yaml')).code).toBe(
      0,
    );
    env.SETTINGS = settings.replaceAll('http://127.0.0.1:9464', admin);
  });
  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  });

  it('are many, and those that are not run are there', () => {
    expect(commands.length).toBeGreaterThan(30);
    for (const [part] of ELSEWHERE)
      expect(
        commands.filter((line) => line.startsWith(part) || line.includes(` ${part}`)),
        part,
      ).not.toEqual([]);
  });

  const here = commands.filter(
    (line) => !ELSEWHERE.some(([part]) => line.startsWith(part) || line.includes(` ${part}`)),
  );
  it.each([...new Set(here)])('%s', async (line) => {
    const actual = line.replaceAll('http://127.0.0.1:9464', admin);
    const { code, stdout, stderr } = await shell(`eval "$SETTINGS"; ${actual}`);
    expect({ code, printed: `${stdout}${stderr}` }).toEqual({ code: 0, printed: expect.stringMatching(/./) });
  });
});
