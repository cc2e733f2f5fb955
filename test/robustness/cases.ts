// Every case, in the order of the table.
import type { Case } from './case.ts';
import { HEAD_CASES } from './cases-caller.ts';
import { BODY_CASES } from './cases-caller-more.ts';
import { REGION_CASES } from './cases-region.ts';
import { STAGE_CASES } from './cases-region-stages.ts';

export const CASES: readonly Case[] = [...HEAD_CASES, ...BODY_CASES, ...REGION_CASES, ...STAGE_CASES];
