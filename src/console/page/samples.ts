// What the live feed has heard.
import type { LiveState } from '../../listener/admin-live-types.ts';
import type { ApiProblem } from './problem.ts';

/** `denied`: the gateway wants a token; nothing is tried again until there is another one. */
export type Connection = 'connecting' | 'open' | 'lost' | 'denied';

export interface Sample {
  /** Seconds since 1970. */
  readonly at: number;
  /** Null: the connection was lost here. */
  readonly state: LiveState | null;
}

export interface Live {
  readonly connection: Connection;
  /** Since when nothing has been heard; only while lost. */
  readonly lostAtMs: number | undefined;
  /** Why it is denied, or what the gateway said in place of its state. */
  readonly problem: ApiProblem | undefined;
  /** The last that was heard, also while the connection is lost. */
  readonly state: LiveState | undefined;
  /** Oldest first; of the last quarter of an hour. */
  readonly samples: readonly Sample[];
}
