// One cell of the comparison: one workload with so many connections, everybody measured in turn.

import { openFolder } from '../test/support/folder.ts';
import type { Options } from './compare-options.ts';
import type { Listening } from './lib/child.ts';
import { type Generator, load } from './lib/load.ts';
import type { Cores } from './lib/machine.ts';
import { learnKeys, prove } from './lib/prepare.ts';
import { cpuUs, rssBytes, treeOf } from './lib/proc.ts';
import { initialise, openStore } from './lib/store.ts';
import { keysFor, type Workload } from './lib/workloads.ts';
import type { Contestant } from './peers/contestant.ts';

/** On a busy machine a short load may end before its first answer. */
const ATTEMPTS = 3;
/** A bound for machines, and workloads, on which the wanted number of requests takes too long. */
const WARM_UP_TURNS = 8;

/** What is the same for all cells. */
export interface Field {
  /** The gateway is the first. */
  readonly contestants: readonly Contestant[];
  readonly upstreams: { readonly us: number; readonly eu: number };
  readonly cores: Cores | undefined;
  readonly generator: Generator;
  readonly options: Options;
  /** Throws when the run is to end. */
  readonly goOn: () => void;
}

export interface Cell {
  readonly workload: Workload;
  readonly connections: number;
}

/** One measurement. */
export interface Sample {
  /** Process tree, user and system, over requests served. */
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly rssBytes: number;
  readonly requests: number;
  /** Answered otherwise than the workload has it, or not at all. */
  readonly failed: number;
}

export interface Measured {
  readonly name: string;
  readonly rounds: readonly Sample[];
}

interface Running {
  readonly contestant: Contestant;
  readonly listening: Listening;
}

async function startAll(field: Field, cell: Cell, folder: string, stack: AsyncDisposableStack): Promise<Running[]> {
  const { contestants, cores, upstreams, options } = field;
  const store = stack.use(await openStore(options.store, folder, cores?.load));
  const refusing = cell.workload.status === 429;
  const setting = { folder, core: cores?.measured, upstreams, refusing, store: store.url };
  if (options.store === 'valkey') initialise(setting);
  const running: Running[] = [];
  for (const contestant of contestants) {
    if (!contestant.takes(cell.workload)) continue;
    field.goOn();
    running.push({ contestant, listening: stack.use(await contestant.start(setting)) });
  }
  return running;
}

/** Everybody starts anew for each cell: what one workload left behind is not another's. */
export async function measureCell(field: Field, cell: Cell): Promise<Measured[]> {
  using folder = openFolder();
  await using stack = new AsyncDisposableStack();
  const running = await startAll(field, cell, folder.path, stack);
  const keys = await keysOf(cell.workload, running);
  const { rounds, seconds, warmUpSeconds, warmUpRequests, closing } = field.options;
  const { generator } = field;
  const core = field.cores?.load;
  const give = (one: Running, forSeconds: number) => {
    const port = one.listening.ports[0] ?? 0;
    return load({ ...cell, generator, folder: folder.path, core, port, keys, seconds: forSeconds, closing });
  };

  for (const one of running) {
    field.goOn();
    await prove(one.contestant, one.listening.ports[0] ?? 0, cell.workload, keys);
    await warmUp(() => give(one, warmUpSeconds), warmUpRequests);
  }
  const samples = new Map(running.map((one) => [one, [] as Sample[]]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < running.length; turn++) {
      field.goOn();
      // Each round begins with another one.
      const one = running[(turn + round) % running.length];
      if (one !== undefined) samples.get(one)?.push(await sample(one, cell.workload, () => give(one, seconds)));
    }
  }
  return running.map((one) => ({ name: one.contestant.name, rounds: samples.get(one) ?? [] }));
}

/** What is compiled while it runs is measured when it is: after so many requests, where the machine is slow not by time. */
async function warmUp(give: () => ReturnType<typeof load>, requests: number): Promise<void> {
  let served = 0;
  for (let turn = 0; turn < WARM_UP_TURNS && served < Math.max(1, requests); turn++) served += (await give()).requests;
}

async function keysOf(workload: Workload, [gateway]: readonly Running[]): Promise<readonly string[] | undefined> {
  if (gateway === undefined || !workload.key.startsWith('known')) return undefined;
  return keysFor(workload, await learnKeys(gateway.listening.ports[0] ?? 0));
}

async function sample(one: Running, workload: Workload, give: () => ReturnType<typeof load>): Promise<Sample> {
  const tree = treeOf(one.listening.pid);
  let beforeUs = cpuUs(tree);
  let result = await give();
  for (let more = 1; more < ATTEMPTS && result.requests === 0; more++) {
    beforeUs = cpuUs(tree);
    result = await give();
  }
  const spentUs = cpuUs(tree) - beforeUs;
  const { requests, seconds, refused, broken, p50Us, p99Us } = result;
  if (requests === 0) throw new Error(`${one.contestant.name} served nothing of ${workload.name}`);
  const unexpected = workload.status === 429 ? requests - refused : refused;
  return {
    cpuUs: spentUs / requests,
    perSecond: requests / seconds,
    p50Us,
    p99Us,
    rssBytes: rssBytes(tree),
    requests,
    failed: unexpected + broken,
  };
}
