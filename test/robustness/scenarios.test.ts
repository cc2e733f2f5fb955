// Every scenario of docs/robustness.md.
import { expect, it } from 'vitest';
import { SCENARIOS, type Scenario } from './scenarios.ts';

const titled = SCENARIOS.map((scenario): [string, Scenario] => [scenario.name, scenario]);

it.each(titled)('%s', async (_name, { run, back, saw }) => {
  expect(await run()).toEqual({ back, saw });
});
