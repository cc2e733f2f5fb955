// Gateway and peers side by side: `npm run bench`, `npm run bench -- --quick`, `npm run bench -- --help`. What is
// measured and how is in bench/README.md.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openFolder } from '../test/support/folder.ts';
import { type Gate, gateOf, type Over, overGate, readGate, writeGate } from './compare-gate.ts';
import { type Options, parseOptions } from './compare-options.ts';
import { writeReadme } from './compare-readme.ts';
import { type Cell, type Field, measureCell } from './compare-run.ts';
import { type CellReport, type Report, reportCell, tableOf } from './compare-table.ts';
import { chooseCores, describeMachine, isInstalled } from './lib/machine.ts';
import { untilSignalled } from './lib/signalled.ts';
import { startUpstreams } from './lib/upstream.ts';
import { WORKLOADS } from './lib/workloads.ts';
import { caddy } from './peers/caddy.ts';
import type { Contestant } from './peers/contestant.ts';
import { gateway, unaudited } from './peers/gateway.ts';
import { haproxy } from './peers/haproxy.ts';
import { nginx } from './peers/nginx.ts';
import { NODE_PEERS } from './peers/node.ts';

const LATEST = fileURLToPath(new URL('results/latest.json', import.meta.url));
const PEERS: readonly Contestant[] = [unaudited, nginx, haproxy, caddy, ...NODE_PEERS];
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

function choosePeers({ peers, gate }: Options): Contestant[] {
  const names = PEERS.map(({ name }) => name);
  const unknown = peers?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`there is no peer ${unknown}, only ${names.join(', ')}`);
  // The gate holds the gateway to others.
  return PEERS.filter((peer) => peers?.includes(peer.name) ?? !(gate && peer === unaudited));
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

/** What is above the gate is measured once more, for longer: what was the machine's is not there again. */
async function overTwice(options: Options, first: Report, gate: Gate): Promise<Over[]> {
  const over = overGate(first, gate);
  for (const { told } of over) console.error(told);
  if (over.length === 0 || options.report !== undefined) return over;
  const workloads = [...new Set(over.map(({ workload }) => workload))];
  console.error(`once more, with twice as many rounds: ${workloads.join(', ')}`);
  const again = overGate(await run({ ...options, workloads, rounds: 2 * options.rounds }), gate);
  for (const { told } of again) console.error(told);
  return again;
}

/** Why the gate cannot be asked here; without nginx and wrk the ratios are of other programs. */
function gateNeeds(): string | undefined {
  if (!isInstalled('nginx')) return 'nginx is missing: apt-get install nginx-light';
  return isInstalled('wrk') ? undefined : 'wrk is missing: apt-get install wrk';
}

if (process.platform !== 'linux') throw new Error('CPU times are read from /proc: this runs on Linux only');
const gate = readGate();
const options = parseOptions(process.argv.slice(2), LATEST, Object.keys(gate));
const lacking = options.gate && options.report === undefined ? gateNeeds() : undefined;
if (lacking !== undefined) {
  console.error(`${process.env.FORBID_SKIPS ? 'the gate cannot be skipped' : 'the gate is skipped'}: ${lacking}`);
  process.exit(process.env.FORBID_SKIPS ? 1 : 0);
}
const report =
  options.report === undefined ? await run(options) : (JSON.parse(readFileSync(options.report, 'utf8')) as Report);
if (options.out !== undefined) {
  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(options.out, `${JSON.stringify(report, undefined, 1)}\n`);
  console.error(`written to ${options.out}`);
}
if (options.setGate) writeGate(gateOf(report));
if (options.readme) writeReadme(report);
if (options.gate && (await overTwice(options, report, gate)).length > 0) process.exitCode = 1;
