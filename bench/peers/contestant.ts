// Who takes part in a comparison.
import type { Listening } from '../lib/child.ts';
import type { Workload } from '../lib/workloads.ts';

export interface Setting {
  /** For configuration, logs and stores; goes away afterwards. */
  readonly folder: string;
  readonly core: number | undefined;
  /** Ports of the regions. */
  readonly upstreams: { readonly us: number; readonly eu: number };
  /** Whether anonymous retrieval has a limit that everybody exceeds, or one that nobody reaches. */
  readonly refusing: boolean;
  /** Of the gateway: `sqlite:...` or `valkey://...`. */
  readonly store: string;
}

export interface Contestant {
  readonly name: string;
  readonly about: string;
  /** How to install it where it is missing; undefined: it is there. */
  readonly missing: string | undefined;
  /** `all`: chooses the region, requires credentials, limits. `none`: one upstream, no policy. */
  readonly policy: 'all' | 'no-limits' | 'none';
  /** Whether it can be given this work; a proxy without limits refuses nobody. */
  takes(workload: Workload): boolean;
  /** The first of its ports is where callers go. */
  start(setting: Setting): Promise<Listening>;
}

/** The first segment behind /api/v1/ and /api/v2/ of routes that need credentials. */
export const PRIVATE = ['authcheck', 'private', 'metadata', 'receipt'] as const;
