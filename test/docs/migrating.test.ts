// docs/migrating.md: its commands run as they stand against stand-in regions and print what it shows; its load balancer
// divides callers; its queries name metrics that exist.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nginxFolders, nginxHead } from '../../bench/lib/nginx.ts';
import { parseConfig } from '../../src/config/load.ts';
import { REFUSAL_CODES } from '../../src/refusal.ts';
import { LABELS_OF, metricsIn } from '../prometheus/files.ts';
import { openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { BRUNO, openLab } from '../support/lab.ts';
import { blocksOf, readDocument, rowsOf } from '../support/markdown.ts';
import { needs } from '../support/needs.ts';
import { takePort } from '../support/ports.ts';
import { ROOT, start } from '../support/process.ts';
import { fencesOf, masked, openWalk } from './walk.ts';

const document = readDocument('docs/migrating.md');
const [counting = '', refusing = ''] = blocksOf(document, 'yaml');
const present = [needs('curl', 'apt-get install curl'), needs('jq', 'apt-get install jq')].every(Boolean);

/** Series come in the order in which they began, of several threads in any. */
const sorted = (text: string): string => text.split('\n').toSorted().join('\n');

it.runIf(present)(
  'has commands that print what it shows, one after the other',
  async () => {
    const blocks = fencesOf(document);
    const serving = blocks.find(({ text }) => text.includes('onetime-gateway serve'))?.text ?? '';
    await using walk = await openWalk(serving, counting);
    walk.write('people.csv', blocksOf(document, 'csv')[0] ?? '');

    let shown = 0;
    for (const [at, { language, text }] of blocks.entries()) {
      if (text === refusing) {
        walk.write('gateway.yaml', refusing);
        await walk.gateway.line(/"msg":"reloaded"/);
      }
      if (language !== 'sh' || text === serving) continue;
      const { stdout, stderr } = await walk.shell(text);
      const next = blocks[at + 1];
      const expected = next?.language === 'text' ? next.text : '';
      shown += expected === '' ? 0 : 1;
      const printed = text.includes('/metrics') ? sorted(stdout) : stdout;
      const wanted = text.includes('/metrics') ? sorted(expected) : expected;
      expect({ text, stderr, printed: masked(printed) }).toEqual({ text, stderr: '', printed: masked(wanted) });
    }
    expect(shown).toBeGreaterThan(6);
  },
  90_000,
);

describe('the configurations', () => {
  it('of the beginning refuses as little as can be', () => {
    const config = parseConfig(counting, 'g.yaml', {});
    expect(config).toMatchObject({
      errors: 'verbatim',
      accounts: { unknown: { kind: 'named' } },
      private: { verify: 'presence', ownership: 'off' },
    });
    for (const { mode } of [...Object.values(config.limits), config.health.breaker]) expect(mode).toBe('shadow');
  });

  it('of the end is the defaults', () => {
    const regions = refusing.slice(refusing.indexOf('regions:'));
    const { listen, admin, ...rest } = parseConfig(refusing, 'g.yaml', {});
    const { listen: _listen, admin: _admin, ...defaults } = parseConfig(regions, 'g.yaml', {});
    expect([listen.port, admin.port]).toEqual([8080, 9464]);
    expect(rest).toEqual(defaults);
  });
});

it.runIf(needs('nginx', 'apt-get install nginx-light'))(
  'has a load balancer that sends each account always the same way',
  async () => {
    const lab = await openLab({ config: { accounts: { unknown: 'eu' } } });
    using folder = openFolder();
    const port = await takePort().then(async (taken) => {
      await taken[Symbol.asyncDispose]();
      return taken.port;
    });
    const [fragment = ''] = blocksOf(document, 'nginx');
    const http = fragment
      .replace('127.0.0.1:8443', `127.0.0.1:${port}`)
      .replace('127.0.0.1:8080', new URL(lab.gateway.url).host)
      .replace('127.0.0.1:7802', new URL(lab.eu.url).host)
      .replace('5% ', '50%');
    const file = folder.write(
      'nginx.conf',
      `${nginxHead(folder.path, 'nginx')}\nhttp {\n${nginxFolders(folder.path, 'nginx')}\naccess_log off;\n${http}}\n`,
    );
    expect(http).not.toBe(fragment);
    await using balancer = await start('nginx', ['-c', file, '-p', `${folder.path}/`, '-e', 'stderr']);
    const base = `http://127.0.0.1:${port}`;
    const viaGateway = async (as: string): Promise<boolean> =>
      (await call(base, 'POST', '/api/v1/generate', { as })).headers['x-request-id'] !== undefined;
    await expect
      .poll(() =>
        viaGateway(BRUNO).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);

    const ways = await Promise.all(Array.from({ length: 40 }, (_, at) => viaGateway(`caller-${at}@eu.example:t`)));
    expect(new Set(ways)).toEqual(new Set([true, false]));
    const again = await Promise.all(Array.from({ length: 40 }, (_, at) => viaGateway(`caller-${at}@eu.example:t`)));
    expect(again).toEqual(ways);
    balancer.kill('SIGTERM');
    await balancer.exited;
    await lab.close();
  },
);

it('names metrics, refusals and files that exist', () => {
  const metrics = metricsIn(blocksOf(document, 'promql').join('\n'));
  expect(metrics.length).toBeGreaterThan(5);
  for (const { name, labels } of metrics)
    expect(LABELS_OF.get(name), name).toEqual(expect.arrayContaining([...labels]));
  const codes = [...document.matchAll(/\b4\d\d `(\w+)`/g)].map(([, code = '']) => code);
  expect(codes.length).toBeGreaterThan(4);
  expect(codes.filter((code) => !REFUSAL_CODES.some((known) => known === code))).toEqual([]);
  const files = [...document.matchAll(/`(test\/[^`]+)`/g)].map(([, file = '']) => file);
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

it('says for each answer that differs what brings the old one back, where anything does', () => {
  const rows = rowsOf(document.split('## Which answers differ')[1]?.split('\n## ')[0] ?? '');
  expect(rows.length).toBeGreaterThan(8);
  const settings = rows.flatMap(([, , , back = '']) => [...back.matchAll(/`([\w.]+): (\w+)`/g)]);
  const whole = settings.filter(([, key]) => key !== 'mode');
  expect(whole.length).toBeGreaterThan(4);
  for (const [, key = '', value] of whole) {
    const section = key.split('.').reduceRight<unknown>((inside, name) => ({ [name]: inside }), value);
    const config = JSON.stringify({ regions: { eu: { upstreams: ['https://eu.example'] } }, ...Object(section) });
    expect(() => parseConfig(config, 'g.yaml', {}), key).not.toThrow();
  }
});
