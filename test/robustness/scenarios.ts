// Cases that need more than one exchange, or more of the gateway than a proxy has.
import { CALLERS } from './scenarios-callers.ts';
import { CROWDS } from './scenarios-crowds.ts';

export interface Scenario {
  readonly name: string;
  /** In words, for the table. */
  readonly sent: string;
  /** What has to come back, in the words that `run` uses. */
  readonly back: string;
  /** What the regions have to see, likewise. */
  readonly saw: string;
  run(): Promise<Result>;
}

/** What came of it. */
export interface Result {
  readonly back: string;
  readonly saw: string;
}

export const SCENARIOS: readonly Scenario[] = [...CALLERS, ...CROWDS];
