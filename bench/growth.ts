// Whether a request costs more where there is more of something: `npm run bench:growth`, `-- --help`. bench/README.md says
// what is measured and how.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { DIMENSIONS, type Dimension } from './growth-cases.ts';
import { type IdleMeasured, measureIdle } from './growth-idle.ts';
import { type GrowthOptions, measureDimension } from './growth-run.ts';
import { type DimensionReport, growthPlot, growthTable, overBound, reportDimension } from './growth-table.ts';
import { chooseCores, describeMachine, isInstalled } from './lib/machine.ts';
import { writePlot } from './lib/plot.ts';
import { untilSignalled } from './lib/signalled.ts';

const RESULTS = fileURLToPath(new URL('results', import.meta.url));
const IDLE = 'idle';

interface Given {
  readonly rounds?: number;
  readonly seconds: number;
  readonly connections: number;
  readonly only?: readonly string[];
  readonly idle: number;
  readonly quick?: true;
  readonly gate?: true;
  readonly cpuProf?: string;
  readonly out: string;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('A whole number of 1 or more.');
  return value;
}

function parts(text: string): string[] {
  const known = [...DIMENSIONS.map(({ name }) => name), IDLE];
  const names = text.split(',');
  if (!names.every((name) => known.includes(name))) throw new InvalidArgumentError(`There are ${known.join(', ')}.`);
  return names;
}

function parseOptions(args: readonly string[]): Given {
  const command = new Command('bench:growth')
    .description('Measures what a request costs with few and with many accounts, rules, keys, addresses and regions.')
    .option('--rounds <n>', 'rounds, in which all sizes take turns (15)', whole)
    .option('--seconds <n>', 'of one measurement', whole, 1)
    .option('--connections <n>', 'of the load', whole, 64)
    .option('--only <parts>', [...DIMENSIONS.map(({ name }) => name), IDLE].join(','), parts)
    .option('--idle <n>', 'connections on which nothing happens, for their memory', whole, 10_000)
    .option('--quick', 'small sizes, one round: to see that all works')
    .option('--gate', 'exit 1 when the largest size costs more than 1.15 times the smallest')
    .option('--cpu-prof <folder>', "V8's profiles of the gateways go there")
    .option('--out <folder>', 'where JSON and plots go', RESULTS);
  command.parse([...args], { from: 'user' });
  const given = command.opts<Given>();
  if (given.gate && given.quick) command.error('error: --gate is not for --quick');
  return given;
}

/** What is above the bound is measured once more, and longer: what was the machine's is not there again. */
async function measured(dimension: Dimension, options: GrowthOptions, isGate: boolean): Promise<DimensionReport> {
  console.error(`${dimension.title} ...`);
  const report = reportDimension(dimension, await measureDimension(dimension, options));
  const over = overBound(report);
  if (!isGate || over.length === 0) return report;
  console.error(`${over.join('; ')}. Once more, with twice as many rounds ...`);
  return reportDimension(dimension, await measureDimension(dimension, { ...options, rounds: 2 * options.rounds }));
}

function idleTable({ connections, rssBeforeBytes, rssAfterBytes, bytesEach }: IdleMeasured): string {
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  return `| ${connections.toLocaleString('en')} idle connections | |
|---|---:|
| RSS before / with them | ${mebibytes(rssBeforeBytes)} / ${mebibytes(rssAfterBytes)} MiB |
| of each | ${(bytesEach / 1024).toFixed(1)} KiB |`;
}

if (process.platform !== 'linux') throw new Error('CPU times are read from /proc: this runs on Linux only');
const given = parseOptions(process.argv.slice(2));
for (const [program, install] of [
  ['wrk', 'wrk'],
  ['nginx', 'nginx-light'],
] as const) {
  if (!isInstalled(program)) throw new Error(`${program} is missing: apt-get install ${install}`);
}
const cores = chooseCores();
const machine = describeMachine(cores);
const options: GrowthOptions = {
  rounds: given.rounds ?? (given.quick ? 1 : 15),
  seconds: given.seconds,
  warmUpSeconds: given.quick ? 1 : 5,
  connections: given.connections,
  isQuick: given.quick === true,
  cores,
  profiles: given.cpuProf,
  goOn: untilSignalled(),
};
const isChosen = (name: string): boolean => given.only?.includes(name) ?? true;
const about = `node ${machine.node}, ${options.rounds} rounds of ${options.seconds} s, ${options.connections} connections`;

mkdirSync(given.out, { recursive: true });
const reports: DimensionReport[] = [];
for (const dimension of DIMENSIONS.filter(({ name }) => isChosen(name))) {
  const report = await measured(dimension, options, given.gate === true);
  console.log(`${growthTable(report)}\n`);
  writePlot(join(given.out, `growth-${report.name}.svg`), growthPlot(report, about));
  reports.push(report);
}
const idle = isChosen(IDLE) ? await measureIdle(given.idle, cores) : undefined;
if (idle !== undefined) console.log(`${idleTable(idle)}\n`);

const file = join(given.out, 'growth.json');
const { rounds, seconds, connections } = options;
const report = { takenAt: new Date().toISOString(), machine, rounds, seconds, connections, dimensions: reports, idle };
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(report, undefined, 1)}\n`);
console.error(`written to ${given.out}`);
const over = reports.flatMap(overBound);
for (const sentence of over) console.error(sentence);
if (given.gate && over.length > 0) process.exitCode = 1;
