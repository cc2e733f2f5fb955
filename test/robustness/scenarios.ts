// Cases that need more than one exchange, or more of the gateway than a proxy has.
import type { ScenarioRow } from './document.ts';

export interface Scenario {
  readonly name: string;
  /** In words, for the table. */
  readonly sent: string;
  /** What has to come of it, in words that `run` finds again. */
  readonly back: string;
  readonly saw: string;
  /** What came of it. */
  run(): Promise<Pick<ScenarioRow, 'back' | 'saw'>>;
}

export const SCENARIOS: readonly Scenario[] = [];
