// Every case, in the order of the table.
import type { Case } from './case.ts';
import { CALLER_CASES } from './cases-caller.ts';
import { REGION_CASES } from './cases-region.ts';
import { STAGE_CASES } from './cases-region-stages.ts';

export const CASES: readonly Case[] = [...CALLER_CASES, ...REGION_CASES, ...STAGE_CASES];
