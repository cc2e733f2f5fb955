// Every case of docs/robustness.md at the gateway, as a process before one region: what its caller gets, what the region sees,
// and that the process and whoever comes next notice nothing.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openFolder } from '../support/folder.ts';
import type { Case } from './case.ts';
import { CASES } from './cases.ts';
import { observe } from './observe.ts';
import { type Subject, startGateway } from './subjects.ts';
import { openWitness, type Witness } from './witness.ts';

const opened = new AsyncDisposableStack();
let witness: Witness;
let gateway: Subject;
beforeAll(async () => {
  const folder = opened.use(openFolder());
  witness = opened.use(await openWitness());
  gateway = opened.use(await startGateway(folder.path, witness.port));
});
afterAll(() => opened.disposeAsync());

const titled = CASES.map((one): [string, Case] => [`${one.by}: ${one.name}`, one]);

it.each(titled)('%s', async (_title, one) => {
  const seen = await observe(one, gateway, witness);
  const [answer, ...more] = seen.answers;
  const { status, outcome, requests } = one.gateway;
  expect({
    status: answer?.status ?? 0,
    outcome: /^onetime-gateway-outcome: (\w+)/im.exec(answer?.head ?? '')?.[1],
    requests: seen.requests.length,
  }).toEqual({ status, outcome, requests });
  expect(more).toEqual([]);
  expect(seen.unfinished).toEqual([]);
  expect(seen.closed).toBe(true);
  expect(one.judge(seen)).toEqual({ grade: 'safe' });
});
