// From the start of the process to a gateway that is ready: `npm run bench:start`, which compiles dist/ first. Sources and
// dist/, each with the code that earlier starts have compiled (code-cache.ts) and without, take turns.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { openFolder } from '../test/support/folder.ts';
import { median } from './compare-table.ts';
import { gatewayFile } from './peers/gateway.ts';

const RESULTS = fileURLToPath(new URL('results/start.json', import.meta.url));
const fileOf = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const END_WITHIN_MS = 20_000;
const POLL_MS = 2;

interface Variant {
  readonly from: 'src' | 'dist';
  readonly cache: 'warm' | 'none';
}

interface Options {
  readonly rounds: number;
  readonly within?: number;
  readonly from?: readonly string[];
  readonly out: string;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('A whole number of 1 or more.');
  return value;
}

function places(text: string): string[] {
  const names = text.split(',');
  if (names.some((name) => name !== 'src' && name !== 'dist')) throw new InvalidArgumentError('src, dist, or both.');
  return names;
}

function parseOptions(args: readonly string[]): Options {
  const command = new Command('bench:start')
    .description('Measures how long the gateway takes from its start until it is ready.')
    .option('--rounds <n>', 'starts of each', whole, 10)
    .option('--from <places>', 'src,dist', places)
    .option('--within <ms>', 'exit 1 when the warm start from dist takes longer', whole)
    .option('--out <file>', 'where the JSON goes', RESULTS);
  return command.parse([...args], { from: 'user' }).opts<Options>();
}

async function untilReady(adminUrl: string): Promise<void> {
  for (;;) {
    const isReady = await fetch(`${adminUrl}/readyz`).then(({ status }) => status === 200);
    if (isReady) return;
    await new Promise((settle) => setTimeout(settle, POLL_MS));
  }
}

/** One start. Milliseconds until the line that says `listening`, and until /readyz answers 200. */
async function startOnce({ from, cache }: Variant, config: string, caches: string) {
  const program = fileOf(from === 'src' ? 'src/main.ts' : 'dist/main.js');
  const off = cache === 'none' ? { NODE_DISABLE_COMPILE_CACHE: '1' } : {};
  const startMs = performance.now();
  const child = spawn(process.execPath, [program, 'serve', '--config', config], {
    env: { ...process.env, XDG_CACHE_HOME: caches, ...off },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((settle) => child.on('exit', () => settle()));
  try {
    const adminUrl = await new Promise<string>((settle, reject) => {
      let printed = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
        const url = /"admin":"([^"]+)".*"listening"/.exec(printed)?.[1];
        if (url !== undefined) settle(url);
      });
      void ended.then(() => reject(new Error('the gateway ended before it listened')));
    });
    const listeningMs = performance.now() - startMs;
    await untilReady(adminUrl);
    return { listeningMs, readyMs: performance.now() - startMs };
  } finally {
    // Asked, not killed: what was compiled is written at the end.
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
    await ended;
    clearTimeout(late);
  }
}

const options = parseOptions(process.argv.slice(2));
const from = (options.from ?? ['src', 'dist']).filter((place): place is Variant['from'] => {
  if (place === 'src' || existsSync(fileOf('dist/main.js'))) return true;
  console.error('dist/ is missing, only the sources are measured: npm run build');
  return false;
});
const variants = from.flatMap((place): Variant[] => [
  { from: place, cache: 'warm' },
  { from: place, cache: 'none' },
]);

using folder = openFolder();
// Nobody answers there: a start asks no region.
const setting = { folder: folder.path, core: undefined, upstreams: { us: 1, eu: 2 }, refusing: false };
const config = folder.write(
  'gateway.yaml',
  gatewayFile({ ...setting, store: `sqlite:${join(folder.path, 'gateway.db')}` }),
);
const times = new Map(variants.map((variant) => [variant, [] as { listeningMs: number; readyMs: number }[]]));
// Once before: files are read, the store is made, code is compiled.
for (const variant of variants) await startOnce(variant, config, folder.path);
for (let round = 0; round < options.rounds; round++) {
  for (const variant of variants) times.get(variant)?.push(await startOnce(variant, config, folder.path));
}

const lines = variants.map((variant) => {
  const all = times.get(variant) ?? [];
  const ready = all.map(({ readyMs }) => readyMs);
  return {
    ...variant,
    listeningMs: median(all.map(({ listeningMs }) => listeningMs)),
    readyMs: median(ready),
    leastMs: Math.min(...ready),
    mostMs: Math.max(...ready),
  };
});
const ms = (value: number): string => value.toFixed(0);
console.log(`| Start, median of ${options.rounds}, node ${process.versions.node} | listening ms | ready ms | least | most |
|---|---:|---:|---:|---:|`);
for (const line of lines) {
  const name = `${line.from}, ${line.cache === 'warm' ? 'code compiled before' : 'nothing compiled before'}`;
  console.log(`| ${name} | ${ms(line.listeningMs)} | ${ms(line.readyMs)} | ${ms(line.leastMs)} | ${ms(line.mostMs)} |`);
}
mkdirSync(dirname(options.out), { recursive: true });
writeFileSync(
  options.out,
  `${JSON.stringify({ takenAt: new Date().toISOString(), rounds: options.rounds, lines }, undefined, 1)}\n`,
);
console.error(`written to ${options.out}`);
const warm = lines.find((line) => line.from === 'dist' && line.cache === 'warm');
if (options.within !== undefined && (warm === undefined || warm.readyMs > options.within)) {
  console.error(
    `ready after ${warm === undefined ? 'an unknown time' : `${ms(warm.readyMs)} ms`}, not within ${options.within} ms`,
  );
  process.exitCode = 1;
}
