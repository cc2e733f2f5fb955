// A soak: a gateway in a process of its own, the traffic, and a look at the process once a second.
import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openFolder } from '../test/support/folder.ts';
import { launch } from './lib/child.ts';
import { chooseCores } from './lib/machine.ts';
import { rssBytes, treeOf } from './lib/proc.ts';
import { startUpstreams, type Upstreams } from './lib/upstream.ts';
import { MAIN } from './peers/gateway.ts';
import { createTraffic, SOAK_ACCOUNTS } from './soak-traffic.ts';
import type { SoakCounts, SoakSample } from './soak-verdict.ts';

export interface SoakOptions {
  readonly seconds: number;
  /** Requests a second. */
  readonly rate: number;
  readonly upstream: Upstreams['engine'] | undefined;
  /** Whether it is to end early. */
  readonly isOver: () => boolean;
}

export interface Soaked {
  readonly samples: readonly SoakSample[];
  readonly counts: SoakCounts;
  /** The first of what was unexpected. */
  readonly examples: readonly string[];
  readonly refused: number;
  readonly upstream: Upstreams['engine'];
}

const TICK_MS = 10;
const EXAMPLES = 20;
/** Beyond that the gateway does not keep up, and what the rate asks for is not sent. */
const MOST_UNDER_WAY = 2000;
const END_WITHIN_MS = 30_000;

function soakFile({ us, eu }: Upstreams): string {
  const rules = SOAK_ACCOUNTS.map(
    (name, at) => `    - { account: "${name}", region: ${at % 2 ? 'eu' : 'us'}, pinned: true }`,
  );
  return `listen: { host: 127.0.0.1, port: 0, trustProxy: [127.0.0.1] }
admin: { host: 127.0.0.1, port: 0 }
regions:
  us: { upstreams: ["http://127.0.0.1:${us}"] }
  eu: { upstreams: ["http://127.0.0.1:${eu}"] }
accounts:
  rules:
${rules.join('\n')}
  unknown: refuse
anonymous: { create: us, retrieve: us }
limits:
  perKey: { per: 1s, requests: 1000, burst: 1000 }
  account: { per: 1s, requests: 1000, burst: 1000 }
replay: { keep: 1m }
store: sqlite:gateway.db
identityKey: identity.key
`;
}

/** A sum over all threads, or the worst of them. */
function readMetric(text: string, name: string, how: 'sum' | 'most'): number {
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].map(([, value]) =>
    Number(value),
  );
  if (values.length === 0) throw new Error(`/metrics has no ${name}`);
  return how === 'sum' ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
}

async function look(pid: number, adminUrl: string) {
  const text = await fetch(`${adminUrl}/metrics`).then((response) => response.text());
  return {
    rssBytes: rssBytes(treeOf(pid)),
    heapBytes: readMetric(text, 'nodejs_heap_size_used_bytes', 'sum'),
    externalBytes: readMetric(text, 'nodejs_external_memory_bytes', 'sum'),
    loopP99Ms: readMetric(text, 'nodejs_eventloop_lag_p99_seconds', 'most') * 1000,
    fds: readdirSync(`/proc/${pid}/fd`).length,
  };
}

interface Pulse {
  planned: number;
  sent: number;
  answered: number;
  unexpected: number;
  underWay: number;
  readonly examples: string[];
}

/** Sends what the rate asks for until it is over, and waits for the answers. */
async function drive(traffic: ReturnType<typeof createTraffic>, pulse: Pulse, options: SoakOptions): Promise<void> {
  const startMs = performance.now();
  const endMs = startMs + options.seconds * 1000;
  while (performance.now() < endMs && !options.isOver()) {
    const due = Math.floor(((performance.now() - startMs) / 1000) * options.rate);
    for (; pulse.planned < due; pulse.planned++) {
      if (pulse.underWay >= MOST_UNDER_WAY) continue;
      pulse.underWay++;
      void traffic.one(pulse.sent++).then((wrong) => {
        pulse.underWay--;
        pulse.answered++;
        if (wrong === undefined) return;
        pulse.unexpected++;
        if (pulse.examples.length < EXAMPLES) pulse.examples.push(wrong);
      });
    }
    await delay(TICK_MS);
  }
  const lateMs = performance.now() + END_WITHIN_MS;
  while (pulse.underWay > 0 && performance.now() < lateMs) await delay(TICK_MS);
  pulse.unexpected += pulse.underWay;
  if (pulse.underWay > 0) pulse.examples.push(`${pulse.underWay} requests were not answered at the end`);
}

/** @throws when the gateway ends by itself */
export async function soak(options: SoakOptions): Promise<Soaked> {
  using folder = openFolder();
  const cores = chooseCores();
  await using upstreams = await startUpstreams(folder.path, cores?.load, options.upstream);
  const config = join(folder.path, 'gateway.yaml');
  writeFileSync(config, soakFile(upstreams));
  writeFileSync(join(folder.path, 'identity.key'), `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  const place = { name: 'gateway', folder: folder.path, core: cores?.measured };
  await using child = launch(process.execPath, [MAIN, 'serve', '--config', config], place);
  const [, port, admin = ''] = await child.says(/"url":"[^"]*:(\d+)","admin":"([^"]+)"/);
  const traffic = createTraffic(Number(port));
  const pulse: Pulse = { planned: 0, sent: 0, answered: 0, unexpected: 0, underWay: 0, examples: [] };
  const samples: SoakSample[] = [];
  const startMs = performance.now();
  let isDone = false;
  async function sample(): Promise<void> {
    for (let at = 1; !isDone; at++) {
      await delay(Math.max(0, startMs + at * 1000 - performance.now()));
      if (isDone) break;
      if (child.hasEnded) throw new Error(`the gateway ended: ${child.printed().slice(-2000)}`);
      const { answered } = pulse;
      const seconds = (performance.now() - startMs) / 1000;
      samples.push({ seconds, answered, ...(await look(child.pid, admin)) });
    }
  }
  const driven = drive(traffic, pulse, options).finally(() => {
    isDone = true;
  });
  await Promise.all([driven, sample()]).finally(() => traffic.close());
  const { planned, sent, unexpected, examples } = pulse;
  const counts = { planned, sent, unexpected };
  return { samples: perSecond(samples), counts, examples, refused: traffic.refused(), upstream: upstreams.engine };
}

/** From counts since the start to counts since the sample before. */
function perSecond(samples: readonly SoakSample[]): SoakSample[] {
  return samples.map((sample, at) => ({ ...sample, answered: sample.answered - (samples[at - 1]?.answered ?? 0) }));
}
