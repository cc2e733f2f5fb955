// Every scenario of docs/robustness.md at the gateway.
import { expect, it } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';

const possible = SCENARIOS.flatMap(({ scenarios }) => scenarios).filter(
  ({ isCertified }) => !isCertified || hasOpenssl,
);
const titled = possible.map((scenario): [string, Scenario] => [scenario.name, scenario]);

it.each(titled)('%s', async (_name, { run, back, saw }) => {
  expect(await run()).toEqual({ back, saw, judgement: { grade: 'safe' } });
});
