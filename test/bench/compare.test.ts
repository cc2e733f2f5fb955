// `npm run bench` from end to end, small: what it measures is the machine's, that it measures is ours.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gateOf, overGate } from '../../bench/compare-gate.ts';
import { withTables } from '../../bench/compare-readme.ts';
import type { CellReport, Report } from '../../bench/compare-table.ts';
import { WORKLOADS } from '../../bench/lib/workloads.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { ROOT, run } from '../support/process.ts';

const COMPARE = join(ROOT, 'bench/compare.ts');
const PEERS = ['http-proxy', '@fastify/http-proxy', 'httpxy', 'fastify'];
/** Several programs start for each workload, on a machine that may be busy. */
const WITHIN_MS = 180_000;

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

const bench = (...args: readonly string[]) => run(process.execPath, [COMPARE, ...args]);

describe.skipIf(process.platform !== 'linux')('a quick comparison with the peers that need nothing installed', () => {
  it(
    'reports CPU, rate, latency, memory and ratio of everybody who takes the work, and prints a table',
    async () => {
      const out = join(folder.path, 'report.json');
      const only = ['--workloads', 'retrieve,refused,metadata', '--connections', '4', '--peers', PEERS.join(',')];
      const { code, stdout, stderr } = await bench(
        ...['--quick', '--load', 'node', '--upstream', 'node', '--out', out],
        ...only,
      );
      expect(stderr).toContain(`written to ${out}`);
      expect(code).toBe(0);
      const report = JSON.parse(readFileSync(out, 'utf8')) as Report;
      expect(report).toMatchObject({ store: 'sqlite', load: 'node', upstream: 'node', rounds: 1, missing: [] });

      const proxies = ['gateway', 'http-proxy', '@fastify/http-proxy', 'httpxy'];
      expect(report.cells.map(({ workload, lines }) => [workload, lines.map(({ name }) => name)])).toEqual([
        ['retrieve', proxies],
        ['refused', ['gateway', 'fastify']],
        ['metadata', proxies],
      ]);
      for (const line of report.cells.flatMap(({ lines }) => lines)) {
        expect(line.rounds).toHaveLength(1);
        expect(line.failed, `${line.name} answers as the workload has it`).toBe(0);
        expect(line.requests).toBeGreaterThan(0);
        expect(line.median.perSecond).toBeGreaterThan(0);
        expect(line.median.p99Us).toBeGreaterThanOrEqual(line.median.p50Us);
        expect(line.median.rssBytes).toBeGreaterThan(2 ** 20);
        expect(line.median.cpuUs).toBeGreaterThanOrEqual(0);
      }
      expect(stdout).toMatch(/^\*\*retrieve\*\*: .*; 4 connections$/m);
      expect(stdout).toMatch(/^\| gateway \|( [\d,.]+ \|){5} (1\.00|-) \|$/m);
    },
    WITHIN_MS,
  );

  it('says which peers and workloads there are when it is given others', async () => {
    const peers = await bench('--peers', 'squid');
    expect(peers.code).toBe(1);
    expect(peers.stderr).toContain(
      'there is no peer squid, only gateway-unaudited, nginx, haproxy, caddy, http-proxy,',
    );
    const workloads = await bench('--workloads', 'everything');
    expect(workloads.code).toBe(1);
    expect(workloads.stderr).toContain('There are retrieve, retrieve-anonymous, refused,');
  });
});

describe('the gate', () => {
  const cell = (workload: string, connections: number, ratio: number | null): CellReport => {
    const median = { cpuUs: 1, perSecond: 1, p50Us: 1, p99Us: 1, rssBytes: 1 };
    const line = { name: 'nginx', median, ratio, requests: 1, failed: 0, rounds: [] };
    return { workload, about: '', connections, lines: [line] };
  };
  const gate = { retrieve: { nginx: 3.7 } };

  it('names the ratio that is too large, and lets smaller ones pass', () => {
    expect(overGate({ cells: [cell('retrieve', 64, 3.8)] }, gate)).toEqual([
      { workload: 'retrieve', told: 'retrieve: 1.03 times what the gate allows; 3.80 times nginx (3.7)' },
    ]);
    expect(overGate({ cells: [cell('retrieve', 64, 3.7)] }, gate)).toEqual([]);
  });

  it('holds the gateway, not each peer: one of them may have had a good moment', () => {
    const named = (ratios: Record<string, number>) => {
      const [one] = [cell('retrieve', 64, 1)];
      const lines = Object.entries(ratios).map(([name, ratio]) => ({ ...(one as CellReport).lines[0], name, ratio }));
      return [{ ...one, lines }] as CellReport[];
    };
    const three = { retrieve: { nginx: 4, caddy: 1, httpxy: 1 } };
    expect(overGate({ cells: named({ nginx: 8, caddy: 0.9, httpxy: 1 }) }, three)).toEqual([]);
    expect(overGate({ cells: named({ nginx: 4.4, caddy: 1.2, httpxy: 0.9 }) }, three)).toMatchObject([
      { told: expect.stringContaining('1.10 times what the gate allows') },
    ]);
  });

  it('holds nobody to what it does not name: other workloads, other connections, too little to tell', () => {
    const cells = [cell('create', 64, 9), cell('retrieve', 1000, 9), cell('retrieve', 64, null)];
    expect(overGate({ cells }, gate)).toEqual([]);
  });

  it('is set a quarter above what was reached, rounded up, for what is held', () => {
    const cells = [cell('retrieve', 64, 2.75), cell('refused', 64, 4), cell('metadata', 64, 0.301)];
    expect(gateOf({ cells: [...cells, cell('create', 64, 9), cell('retrieve', 1, 9)] })).toEqual({
      retrieve: { nginx: 3.44 },
      refused: { nginx: 5 },
      metadata: { nginx: 0.38 },
    });
    expect(overGate({ cells }, gateOf({ cells }))).toEqual([]);
  });

  it('is not set by a run that lacks what is held', () => {
    expect(() => gateOf({ cells: [cell('retrieve', 64, 1), cell('metadata', 1, 1)] })).toThrow('refused, metadata');
  });

  it('names workloads that there are', () => {
    const held = JSON.parse(readFileSync(join(ROOT, 'bench/gate.json'), 'utf8')) as Record<string, unknown>;
    expect(WORKLOADS.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(held)));
    expect(Object.keys(held)).not.toEqual([]);
  });
});

describe('what is done with a run', () => {
  const line = (name: string, ratio: number) => ({
    ...{ name, ratio, requests: 1, failed: 0, rounds: [] },
    median: { cpuUs: 12.34, perSecond: 1, p50Us: 1, p99Us: 1, rssBytes: 1 },
  });
  const report = (retrieve: number): Report => ({
    ...{
      takenAt: '2030-01-02T03:04:05.000Z',
      store: 'sqlite',
      load: 'wrk 4',
      upstream: 'nginx',
      rounds: 9,
      seconds: 1,
    },
    machine: { node: '26.0.0', cpus: 2, model: 'a processor', pinned: true },
    closing: false,
    missing: [{ name: 'caddy', install: 'apt-get install caddy' }],
    cells: ['retrieve', 'refused', 'metadata'].map((workload) => ({
      ...{ workload, about: `about ${workload}`, connections: 64 },
      lines: [line('gateway', 1), line('a-peer', retrieve)],
    })),
  });

  it('puts the tables between the two marks, and leaves the rest as it is', () => {
    const [before, after] = ['# Title\n\nMore.\n\n', '\n\n## Next\n'];
    const marks = ['<!-- npm run bench -- --readme: from here -->', '<!-- npm run bench -- --readme: to here -->'];
    const old = `${before}${marks[0]}\n\n**old** table\n\n${marks[1]}${after}`;
    const text = withTables(old, report(2));
    expect(text.startsWith(before) && text.endsWith(after)).toBe(true);
    expect(text).not.toContain('old');
    expect(text).toContain('Latest: 2030-01-02, Node 26.0.0 on 2 cores (a processor); 9 rounds of 1 s');
    expect(text).toContain('without caddy');
    expect(text).toContain('**metadata**: about metadata; 64 connections');
    expect(withTables(text, report(2))).toBe(text);
    expect(() => withTables('nothing', report(2))).toThrow('no lines');
    expect(readFileSync(join(ROOT, 'bench/README.md'), 'utf8')).toContain(marks[1]);
  });

  it('holds an earlier run to the gate', async () => {
    const path = join(folder.path, 'report.json');
    const held = JSON.parse(readFileSync(join(ROOT, 'bench/gate.json'), 'utf8')) as Record<string, object>;
    const [peer = ''] = Object.keys(held.retrieve ?? {});
    const write = (ratio: number): void => {
      const text = JSON.stringify(report(ratio)).replaceAll('a-peer', peer);
      writeFileSync(path, text);
    };
    write(0.01);
    expect(await bench('--gate', '--report', path)).toMatchObject({ code: 0, stderr: '' });
    write(1000);
    const over = await bench('--gate', '--report', path);
    expect(over.code).toBe(1);
    expect(over.stderr).toMatch(new RegExp(`retrieve: [\\d.]+ times what the gate allows; 1000\\.00 times ${peer}`));
  });

  it.each([
    ['--quick is to see', ['--quick', '--readme']],
    ['--report is for', ['--report', 'x.json']],
    ['one at a time', ['--gate', '--set-gate']],
    ['for the embedded store', ['--gate', '--store', 'valkey']],
    ['for the embedded store', ['--set-gate', '--close']],
    ['A whole number', ['--rounds', 'many']],
  ])('says "%s" to %j', async (sentence, args) => {
    const { code, stderr } = await bench(...args);
    expect(code).toBe(1);
    expect(stderr).toContain(sentence);
  });

  it('skips the gate with a reason where nginx or wrk is missing, and fails where nothing may be skipped', async () => {
    const nowhere = { PATH: folder.path, FORBID_SKIPS: undefined };
    const skipped = await run(process.execPath, [COMPARE, '--gate'], { env: nowhere });
    expect(skipped).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('the gate is skipped: nginx is missing'),
    });
    const forbidden = await run(process.execPath, [COMPARE, '--gate'], { env: { ...nowhere, FORBID_SKIPS: '1' } });
    expect(forbidden).toMatchObject({ code: 1, stderr: expect.stringContaining('the gate cannot be skipped') });
  });
});
