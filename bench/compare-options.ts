// What `npm run bench -- ...` takes.
import { Command, InvalidArgumentError } from 'commander';
import { GATE_CONNECTIONS } from './compare-gate.ts';
import { WORKLOADS } from './lib/workloads.ts';

export interface Options {
  readonly rounds: number;
  readonly seconds: number;
  /** Repeated until so many requests were served, within a bound. */
  readonly warmUpSeconds: number;
  readonly warmUpRequests: number;
  readonly workloads: readonly string[];
  /** Undefined: 64 for all workloads, and 1 and 1000 as well for the first. */
  readonly connections: readonly number[] | undefined;
  /** Undefined: all that are installed. */
  readonly peers: readonly string[] | undefined;
  readonly store: 'sqlite' | 'valkey';
  readonly load: 'wrk' | 'node' | undefined;
  readonly upstream: 'nginx' | 'node' | undefined;
  readonly closing: boolean;
  readonly gate: boolean;
  /** Writes bench/gate.json from what was reached. */
  readonly setGate: boolean;
  /** Writes the tables into bench/README.md. */
  readonly readme: boolean;
  /** An earlier run's JSON, in place of measuring. */
  readonly report: string | undefined;
  /** Where the JSON goes; undefined: nowhere. */
  readonly out: string | undefined;
}

interface Given {
  readonly rounds?: number;
  readonly seconds?: number;
  readonly workloads?: readonly string[];
  readonly connections?: readonly number[];
  readonly peers?: readonly string[];
  readonly store: string;
  readonly load?: string;
  readonly upstream?: string;
  readonly close?: true;
  readonly quick?: true;
  readonly gate?: true;
  readonly setGate?: true;
  readonly readme?: true;
  readonly report?: string;
  readonly out?: string;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('A whole number of 1 or more.');
  return value;
}

const wholes = (text: string): number[] => text.split(',').map(whole);
const words = (text: string): string[] => text.split(',');

function workloads(text: string): string[] {
  const names = WORKLOADS.map(({ name }) => name);
  for (const name of words(text)) {
    if (!names.includes(name)) throw new InvalidArgumentError(`There are ${names.join(', ')}.`);
  }
  return words(text);
}

/** A default run takes about ten minutes, a quick one about one. */
const DEFAULTS = { rounds: 5, seconds: 2, warmUpSeconds: 1, warmUpRequests: 20_000, connections: undefined };
const QUICK = { rounds: 1, seconds: 1, warmUpSeconds: 1, warmUpRequests: 0, connections: [64] };
/** Many short rounds: what happens on the machine meanwhile hits few of them, and all who take turns in them. */
const GATE = { ...DEFAULTS, rounds: 9, seconds: 1, warmUpRequests: 8000, connections: [GATE_CONNECTIONS] };

function presetOf({ quick, gate }: Given): Omit<typeof DEFAULTS, 'connections'> & Pick<Options, 'connections'> {
  if (quick) return QUICK;
  return gate ? GATE : DEFAULTS;
}

/** What does not go together: a sentence, or undefined. */
function clash({ gate, setGate, readme, report, quick, close, store }: Given): string | undefined {
  if (quick && (setGate || readme)) return '--quick is to see that all works: no --set-gate or --readme from it';
  if (report !== undefined && !(gate || setGate || readme)) return '--report is for --gate, --set-gate or --readme';
  if (gate && setGate) return '--gate is held to what --set-gate wrote before: one at a time';
  if ((gate || setGate) && (store !== 'sqlite' || close || quick)) {
    return '--gate and --set-gate are for the embedded store and kept connections, and not for --quick';
  }
  return undefined;
}

/**
 * @param args without program and script; mistakes end the process with a sentence
 * @param out where the JSON of a run goes unless told
 * @param gateWorkloads what is measured for the gate unless told
 */
export function parseOptions(args: readonly string[], out: string, gateWorkloads: readonly string[]): Options {
  const command = new Command('bench')
    .description('Measures the gateway and its peers side by side.')
    .option('--rounds <n>', 'rounds, in which all take turns (5)', whole)
    .option('--seconds <n>', 'of one measurement (2)', whole)
    .option('--quick', 'one round of a second each, 64 connections only')
    .option('--workloads <names>', WORKLOADS.map(({ name }) => name).join(','), workloads)
    .option('--connections <numbers>', 'for all workloads, such as 1,64,1000', wholes)
    .option('--peers <names>', 'such as nginx,http-proxy; all that are installed unless told', words)
    .option('--store <engine>', "the gateway's: sqlite, or valkey for a server of its own", 'sqlite')
    .option('--load <generator>', 'wrk, or node where it is missing')
    .option('--upstream <engine>', 'nginx, or node where it is missing')
    .option('--close', 'a new connection for each request')
    .option('--gate', 'measure what bench/gate.json names, and exit 1 when a ratio is above it')
    .option('--set-gate', 'write bench/gate.json: a quarter above the ratios reached')
    .option('--readme', 'write the tables into bench/README.md')
    .option('--report <file>', "an earlier run's JSON, in place of measuring")
    .option('--out <file>', `where the JSON goes (${out}; with --gate nowhere)`);
  command.parse([...args], { from: 'user' });
  const given = command.opts<Given>();
  const oneOf = <const T extends string>(flag: string, value: string, choices: readonly T[]): T => {
    const choice = choices.find((candidate) => candidate === value);
    return choice ?? command.error(`error: ${flag} is ${choices.join(' or ')}, not ${value}`);
  };
  const problem = clash(given);
  if (problem !== undefined) command.error(`error: ${problem}`);
  const preset = presetOf(given);
  return {
    rounds: given.rounds ?? preset.rounds,
    seconds: given.seconds ?? preset.seconds,
    warmUpSeconds: preset.warmUpSeconds,
    warmUpRequests: preset.warmUpRequests,
    workloads: given.workloads ?? (given.gate ? gateWorkloads : WORKLOADS.map(({ name }) => name)),
    connections: given.connections ?? preset.connections,
    peers: given.peers,
    store: oneOf('--store', given.store, ['sqlite', 'valkey']),
    load: given.load === undefined ? undefined : oneOf('--load', given.load, ['wrk', 'node']),
    upstream: given.upstream === undefined ? undefined : oneOf('--upstream', given.upstream, ['nginx', 'node']),
    closing: given.close === true,
    gate: given.gate === true,
    setGate: given.setGate === true,
    readme: given.readme === true,
    report: given.report,
    out: given.out ?? (given.gate || given.report !== undefined ? undefined : out),
  };
}
