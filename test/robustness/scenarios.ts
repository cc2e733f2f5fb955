// Every scenario, in the order of the document.
import type { Scenario } from './scenario.ts';
import { ACCOUNTS } from './scenarios-accounts.ts';
import { CONNECTION_BOUNDS } from './scenarios-bounds.ts';
import { CROWDS } from './scenarios-crowds.ts';
import { ENDINGS } from './scenarios-endings.ts';
import { LOADS } from './scenarios-loads.ts';
import { PROVEN } from './scenarios-regions.ts';

export const SCENARIOS: readonly { readonly title: string; readonly scenarios: readonly Scenario[] }[] = [
  { title: 'Accounts', scenarios: ACCOUNTS },
  { title: 'Endings', scenarios: ENDINGS },
  { title: 'Who a region is', scenarios: PROVEN },
  { title: 'Bounds of connections', scenarios: CONNECTION_BOUNDS },
  { title: 'Many addresses', scenarios: CROWDS },
  { title: 'Many connections, many paths', scenarios: LOADS },
];
