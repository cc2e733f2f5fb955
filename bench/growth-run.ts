// One dimension: a gateway of each size, all at once, measured by turns, so that what changes on the machine changes for all.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFolder } from '../test/support/folder.ts';
import { type Dimension, growthFile, nameOfRegion } from './growth-cases.ts';
import { growthLoad } from './growth-load.ts';
import { launch } from './lib/child.ts';
import type { Cores } from './lib/machine.ts';
import { cpuUs, rssBytes, treeOf } from './lib/proc.ts';
import { startRegions } from './lib/upstream.ts';
import { MAIN } from './peers/gateway.ts';

export interface GrowthOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  readonly isQuick: boolean;
  readonly cores: Cores | undefined;
  /** A folder for V8's profiles of the gateways. */
  readonly profiles: string | undefined;
  /** Throws when the run is to end. */
  readonly goOn: () => void;
}

export interface SizeMeasured {
  readonly size: number;
  /** CPU a request of each round, user and system. */
  readonly cpuUs: readonly number[];
  readonly requests: number;
  /** Refused, or not answered. */
  readonly failed: number;
  /** Before the first request, and after the last. */
  readonly rssStartBytes: number;
  readonly rssEndBytes: number;
}

interface Gateway extends AsyncDisposable {
  readonly size: number;
  readonly port: number;
  readonly pid: number;
  readonly rssStartBytes: number;
  /** Requests sent so far: where the next load goes on. */
  sent: number;
  failed: number;
  readonly cpuUs: number[];
}

async function startOne(
  dimension: Dimension,
  size: number,
  folder: string,
  ports: readonly number[],
  { cores, profiles }: GrowthOptions,
): Promise<Gateway> {
  const place = join(folder, `${dimension.name}-${size}`);
  mkdirSync(place);
  const identityKey = randomBytes(32);
  writeFileSync(join(place, 'identity.key'), `${identityKey.toString('hex')}\n`, { mode: 0o600 });
  writeFileSync(join(place, 'gateway.yaml'), growthFile(dimension, size, ports));
  if (dimension.fill !== undefined && size > 1000) console.error(`  filling a store: ${size.toLocaleString('en')}`);
  await dimension.fill?.(join(place, 'gateway.db'), identityKey, size);
  const flags = profiles === undefined ? [] : ['--cpu-prof', '--cpu-prof-name', `${dimension.name}-${size}.cpuprofile`];
  const where = profiles === undefined ? [] : ['--cpu-prof-dir', profiles];
  const args = [...flags, ...where, MAIN, 'serve', '--config', join(place, 'gateway.yaml')];
  const child = launch(process.execPath, args, { name: 'gateway', folder: place, core: cores?.measured });
  try {
    const [, port] = await child.says(/"url":"[^"]*:(\d+)"/);
    const rssStartBytes = rssBytes(treeOf(child.pid));
    const end = () => child[Symbol.asyncDispose]();
    const counts = { sent: 0, failed: 0, cpuUs: [] };
    return { size, port: Number(port), pid: child.pid, rssStartBytes, ...counts, [Symbol.asyncDispose]: end };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}

/** On a busy machine a short load may end before its first answer. */
const ATTEMPTS = 3;

/** @returns requests served */
async function give(dimension: Dimension, one: Gateway, seconds: number, options: GrowthOptions): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    options.goOn();
    const { requests, refused, broken } = await growthLoad({
      core: options.cores?.load,
      port: one.port,
      vary: dimension.vary,
      size: dimension.population ?? one.size,
      start: one.sent * 7919,
      connections: options.connections,
      seconds,
    });
    one.sent += requests;
    one.failed += refused + broken;
    if (requests > 0) return requests;
  }
  throw new Error(`the gateway with ${one.size} ${dimension.unit} served nothing`);
}

/** The members come in order of their turns, so that a load as long as the population is of each of them. */
async function populate(dimension: Dimension, one: Gateway, options: GrowthOptions): Promise<void> {
  if (dimension.filledByLoad && one.size > 1000) console.error(`  a request of each: ${one.size.toLocaleString('en')}`);
  while (dimension.filledByLoad && one.sent < one.size) await give(dimension, one, options.isQuick ? 1 : 10, options);
  await give(dimension, one, options.warmUpSeconds, options);
}

async function measure(dimension: Dimension, one: Gateway, options: GrowthOptions): Promise<void> {
  const tree = treeOf(one.pid);
  const beforeUs = cpuUs(tree);
  const requests = await give(dimension, one, options.seconds, options);
  one.cpuUs.push((cpuUs(tree) - beforeUs) / requests);
}

/** @throws when a program is missing or ends early */
export async function measureDimension(dimension: Dimension, options: GrowthOptions): Promise<SizeMeasured[]> {
  using folder = openFolder();
  await using stack = new AsyncDisposableStack();
  const sizes = options.isQuick ? dimension.quickSizes : dimension.sizes;
  const most = Math.max(...sizes.map((size) => dimension.regions?.(size) ?? 2));
  const names = Array.from({ length: most }, (_, at) => nameOfRegion(at));
  const upstreams = stack.use(await startRegions(folder.path, options.cores?.load, names));
  const gateways: Gateway[] = [];
  for (const size of sizes) {
    options.goOn();
    gateways.push(stack.use(await startOne(dimension, size, folder.path, upstreams.ports, options)));
  }
  for (const one of gateways) await populate(dimension, one, options);
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < gateways.length; turn++) {
      // Each round begins with another one.
      const one = gateways[(turn + round) % gateways.length];
      if (one !== undefined) await measure(dimension, one, options);
    }
  }
  return gateways.map(({ size, cpuUs: each, sent, failed, rssStartBytes, pid }) => ({
    size,
    cpuUs: each,
    requests: sent,
    failed,
    rssStartBytes,
    rssEndBytes: rssBytes(treeOf(pid)),
  }));
}
