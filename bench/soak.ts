// Mixed traffic at a fixed rate for minutes, and a verdict: `npm run soak -- --minutes 10`. What is sent and what is judged
// is in bench/README.md. Ends early, with a report, at Ctrl-C.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { chooseCores, describeMachine } from './lib/machine.ts';
import { type Panel, writePlot } from './lib/plot.ts';
import { type Soaked, soak } from './soak-run.ts';
import { judge, passed, type SoakSample, verdictTable } from './soak-verdict.ts';

const RESULTS = fileURLToPath(new URL('results', import.meta.url));
const MIB = 2 ** 20;
/** As a shell reports an end by SIGINT. */
const INTERRUPTED = 130;
const MOST_MINUTES = 24 * 60;
const WARM_UP_MOST_SECONDS = 120;

interface Options {
  readonly minutes: number;
  readonly rate: number;
  readonly warmUp?: number;
  readonly upstream?: 'nginx' | 'node';
  readonly out: string;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('A number above 0.');
  return value;
}

function minutes(text: string): number {
  const value = positive(text);
  if (value > MOST_MINUTES) throw new InvalidArgumentError(`At most ${MOST_MINUTES}, a day.`);
  return value;
}

function engine(text: string): string {
  if (text !== 'nginx' && text !== 'node') throw new InvalidArgumentError('nginx or node.');
  return text;
}

function parseOptions(args: readonly string[]): Options {
  const command = new Command('soak')
    .description('Sends mixed traffic to a gateway at a fixed rate, and judges its memory, descriptors and answers.')
    .option('--minutes <n>', 'how long', minutes, 10)
    .option('--rate <n>', 'requests a second', positive, 200)
    .option('--warm-up <seconds>', 'not judged (a quarter, at most two minutes)', positive)
    .option('--upstream <engine>', 'nginx, or node where it is missing', engine)
    .option('--out <folder>', 'where JSON and plot go', RESULTS);
  return command.parse([...args], { from: 'user' }).opts<Options>();
}

function panelsOf(samples: readonly SoakSample[]): Panel[] {
  const x = { name: 'seconds' };
  const points = (of: (sample: SoakSample) => number) => samples.map((sample) => [sample.seconds, of(sample)] as const);
  const memory = [
    { name: 'resident', points: points(({ rssBytes }) => rssBytes / MIB) },
    { name: 'heap', points: points(({ heapBytes }) => heapBytes / MIB) },
    { name: 'buffers', points: points(({ externalBytes }) => externalBytes / MIB) },
  ];
  const one = (title: string, name: string, of: (sample: SoakSample) => number): Panel => ({
    title,
    x,
    y: { name, fromZero: true },
    series: [{ name: title, points: points(of) }],
  });
  return [
    { title: 'Memory', x, y: { name: 'MiB', fromZero: true }, series: memory },
    one('Event-loop delay, p99 of each second', 'ms', ({ loopP99Ms }) => loopP99Ms),
    one('Open file descriptors', 'descriptors', ({ fds }) => fds),
    one('Answers', 'a second', ({ answered }) => answered),
  ];
}

if (process.platform !== 'linux')
  throw new Error('memory and descriptors are read from /proc: this runs on Linux only');
const options = parseOptions(process.argv.slice(2));
const seconds = options.minutes * 60;
const warmUpSeconds = options.warmUp ?? Math.min(WARM_UP_MOST_SECONDS, seconds / 4);
let isInterrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    isInterrupted = true;
  });
}
console.error(`${options.minutes} minutes at ${options.rate} requests a second ...`);
const soaked: Soaked = await soak({
  seconds,
  rate: options.rate,
  upstream: options.upstream,
  isOver: () => isInterrupted,
});

const { samples, counts, examples, refused, upstream } = soaked;
const rules = judge(samples, warmUpSeconds, counts);
const machine = describeMachine(chooseCores());
console.log(verdictTable(rules));
for (const example of examples) console.error(`unexpected: ${example}`);
const verdict = isInterrupted ? 'ended early' : passed(rules) ? 'passed' : 'failed';
const report = { takenAt: new Date().toISOString(), machine, ...options, warmUpSeconds, upstream, verdict };
mkdirSync(options.out, { recursive: true });
writeFileSync(
  join(options.out, 'soak.json'),
  `${JSON.stringify({ ...report, rules, counts, refused, examples, samples }, undefined, 1)}\n`,
);
writePlot(join(options.out, 'soak.svg'), {
  title: `Soak: ${options.minutes} minutes of mixed traffic at ${options.rate} requests a second`,
  subtitle: `node ${machine.node}; the first ${warmUpSeconds} s are the warm-up`,
  panels: panelsOf(samples),
});
console.error(`${verdict}; written to ${options.out}`);
if (isInterrupted) process.exitCode = INTERRUPTED;
else if (!passed(rules)) process.exitCode = 1;
