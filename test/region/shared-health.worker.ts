// A thread that calls the gate of one region whose health others share.
import { parentPort, workerData } from 'node:worker_threads';
import type { Effect, RegionName } from '../../src/domain.ts';
import { createHealth, type HealthEvent } from '../../src/region/health.ts';

export interface HealthSetup {
  readonly region: RegionName;
  readonly origins: readonly string[];
  readonly failures: number;
  readonly openMs: number;
  readonly probeMs: number;
  readonly memory: SharedArrayBuffer;
  readonly holder: number;
  /** One cell: milliseconds, moved by the test. */
  readonly clock: Float64Array;
  /** 0 until all are to begin, so that they run at the same time. */
  readonly begin: Int32Array;
}

export type HealthQuestion = { readonly round: number } & (
  | { readonly what: 'fail'; readonly times: number }
  /** Calls the gate so often, and keeps what was let through until `over`. */
  | { readonly what: 'gate'; readonly effect: Effect; readonly times: number }
  | { readonly what: 'over' }
);

export interface HealthAnswer {
  /** How many calls the gate let through. */
  readonly went: number;
  /** Probes that this thread has sent so far; none of them is ever answered. */
  readonly probes: number;
  readonly events: readonly HealthEvent['kind'][];
}

const { region, origins, memory, holder, clock, begin, ...rates } = workerData as HealthSetup;
const events: HealthEvent['kind'][] = [];
const overs: (() => void)[] = [];
let probes = 0;

const health = createHealth(new Map([[region, origins]]), {
  mode: 'enforce',
  ...rates,
  now: () => clock[0] ?? 0,
  probe() {
    probes++;
    return new Promise(() => {});
  },
  setTimer: () => () => {},
  observe: (_region, { kind }) => void events.push(kind),
  shared: { memory, holder },
});

function act(question: HealthQuestion): number {
  if (question.what === 'over') {
    for (const over of overs.splice(0)) over();
    return 0;
  }
  let went = 0;
  for (let n = 0; n < question.times; n++) {
    if (question.what === 'fail') health.report(region, origins[n % origins.length] ?? '', 'failure');
    else {
      const gate = health.gate(region, question.effect);
      if (gate.kind === 'wait') continue;
      went++;
      overs.push(gate.over);
    }
  }
  return went;
}

parentPort?.on('message', (question: HealthQuestion) => {
  while (Atomics.load(begin, 0) < question.round) Atomics.wait(begin, 0, question.round - 1, 100);
  const answer: HealthAnswer = { went: act(question), probes, events };
  parentPort?.postMessage(answer);
});
parentPort?.postMessage('ready');
