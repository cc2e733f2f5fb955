// Every scenario of docs/robustness.md at the gateway.
import { expect, it } from 'vitest';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';

const titled = SCENARIOS.flatMap(({ scenarios }) => scenarios).map((scenario): [string, Scenario] => [
  scenario.name,
  scenario,
]);

it.each(titled)('%s', async (_name, { run, back, saw }) => {
  expect(await run()).toEqual({ back, saw, judgement: { grade: 'safe' } });
});
