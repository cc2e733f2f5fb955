// Gateway and peers side by side: `npm run bench`, `npm run bench -- --quick`, `npm run bench -- --help`. What is
// measured and how is in bench/README.md.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openFolder } from '../test/support/folder.ts';
import { overGate, readGate } from './compare-gate.ts';
import { type Options, parseOptions } from './compare-options.ts';
import { type Cell, type Field, measureCell } from './compare-run.ts';
import { type CellReport, type Report, reportCell, tableOf } from './compare-table.ts';
import { chooseCores, describeMachine, isInstalled } from './lib/machine.ts';
import { untilSignalled } from './lib/signalled.ts';
import { startUpstreams } from './lib/upstream.ts';
import { WORKLOADS } from './lib/workloads.ts';
import { caddy } from './peers/caddy.ts';
import type { Contestant } from './peers/contestant.ts';
import { gateway } from './peers/gateway.ts';
import { haproxy } from './peers/haproxy.ts';
import { nginx } from './peers/nginx.ts';
import { NODE_PEERS } from './peers/node.ts';

const LATEST = fileURLToPath(new URL('results/latest.json', import.meta.url));
const PEERS: readonly Contestant[] = [nginx, haproxy, caddy, ...NODE_PEERS];
const DEFAULT_CONNECTIONS = 64;
/** The first workload also has these. */
const MORE_CONNECTIONS = [1, 1000];

function cellsOf({ workloads, connections }: Options): Cell[] {
  const chosen = WORKLOADS.filter(({ name }) => workloads.includes(name));
  if (connections !== undefined) {
    return chosen.flatMap((workload) => connections.map((count) => ({ workload, connections: count })));
  }
  const more = MORE_CONNECTIONS.map((count) => ({ workload: WORKLOADS[0], connections: count }));
  return [
    ...chosen.map((workload) => ({ workload, connections: DEFAULT_CONNECTIONS })),
    ...more.filter((cell): cell is Cell => cell.workload !== undefined && chosen.includes(cell.workload)),
  ];
}

function choosePeers({ peers }: Options): Contestant[] {
  const names = PEERS.map(({ name }) => name);
  const unknown = peers?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`there is no peer ${unknown}, only ${names.join(', ')}`);
  return PEERS.filter(({ name }) => peers?.includes(name) ?? true);
}

async function measureAll(field: Field, cells: readonly Cell[]): Promise<CellReport[]> {
  const reports: CellReport[] = [];
  for (const [at, cell] of cells.entries()) {
    console.error(`${at + 1} of ${cells.length}: ${cell.workload.name}, ${cell.connections} connections`);
    const report = reportCell(cell, await measureCell(field, cell));
    console.log(`${tableOf(report)}\n`);
    reports.push(report);
  }
  return reports;
}

const versionOfWrk = (): string => /wrk (?:debian\/)?(\S+)/.exec(spawnSync('wrk', ['-v']).stdout.toString())?.[1] ?? '';

async function run(options: Options): Promise<Report> {
  const goOn = untilSignalled();
  const cores = chooseCores();
  const generator = options.load ?? (isInstalled('wrk') ? 'wrk' : 'node');
  if (generator === 'node' && options.load === undefined) {
    console.error('wrk is missing, the load is our own and heavier: apt-get install wrk');
  }
  const peers = choosePeers(options);
  const missing = peers.flatMap(({ name, missing: install }) => (install === undefined ? [] : [{ name, install }]));
  for (const { name, install } of missing) console.error(`without ${name}: ${install}`);

  using folder = openFolder();
  await using upstreams = await startUpstreams(folder.path, cores?.load, options.upstream);
  const contestants = [gateway, ...peers.filter((peer) => peer.missing === undefined)];
  const cells = await measureAll({ contestants, upstreams, cores, generator, options, goOn }, cellsOf(options));
  const { rounds, seconds, closing, store } = options;
  return {
    takenAt: new Date().toISOString(),
    machine: describeMachine(cores),
    store,
    load: generator === 'wrk' ? `wrk ${versionOfWrk()}` : generator,
    upstream: upstreams.engine,
    rounds,
    seconds,
    closing,
    cells,
    missing,
  };
}

if (process.platform !== 'linux') throw new Error('CPU times are read from /proc: this runs on Linux only');
const options = parseOptions(process.argv.slice(2), LATEST);
const report = await run(options);
mkdirSync(dirname(options.out), { recursive: true });
writeFileSync(options.out, `${JSON.stringify(report, undefined, 1)}\n`);
console.error(`written to ${options.out}`);
if (options.gate) {
  const over = overGate(report, readGate());
  for (const sentence of over) console.error(sentence);
  if (over.length > 0) process.exitCode = 1;
}
