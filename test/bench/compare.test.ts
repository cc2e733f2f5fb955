// `npm run bench` from end to end, small: what it measures is the machine's, that it measures is ours.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { overGate } from '../../bench/compare-gate.ts';
import type { CellReport, Report } from '../../bench/compare-table.ts';
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
    expect(peers.stderr).toContain('there is no peer squid, only nginx, haproxy, caddy, http-proxy,');
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
      'retrieve: 3.80 times nginx, the gate allows 3.7',
    ]);
    expect(overGate({ cells: [cell('retrieve', 64, 3.7)] }, gate)).toEqual([]);
  });

  it('holds nobody to what it does not name: other workloads, other connections, too little to tell', () => {
    const cells = [cell('create', 64, 9), cell('retrieve', 1000, 9), cell('retrieve', 64, null)];
    expect(overGate({ cells }, gate)).toEqual([]);
  });
});
