// A sample as the document shows it.
import type { LiveState } from './admin-live-types.ts';

export const LIVE_EXAMPLE: LiveState = {
  time: '2026-05-04T09:30:00.000Z',
  version: '0.1.0',
  uptimeSeconds: 86_400,
  intervalMs: 1000,
  workers: { listening: 4, restarts: 0 },
  requests: { total: 204_512, perSecond: 42, inFlight: 3, byClass: { '2xx': 40, '4xx': 2 } },
  regions: [
    {
      name: 'eu',
      up: true,
      breaker: 'closed',
      failures: 0,
      drained: false,
      inUse: 3,
      waiting: 0,
      requestsPerSecond: 40,
      share: 1,
      latencyMs: { p50: 18.4, p95: 46.2, p99: 93.8 },
      outcomes: { delivered: 40, unknown: 0, not_sent: 0 },
      budgetUsed: 0.12,
      turnedAway: { full: 0, share: 0, late: 0 },
      proxyFault: null,
    },
  ],
  overload: {
    pressure: { event_loop: 0.02, heap: 0.31, memory: 0.44 },
    refused: { anonymous: 0, authenticated: 0 },
    shadow: { anonymous: 0, authenticated: 0 },
    connections: { open: 118, refused: { all: 0, address: 0 }, reclaimed: 0 },
  },
  limits: [{ name: 'perKey', entries: 17, refusedPerSecond: 1, shadowPerSecond: 0 }],
  refusals: { rate_limited: 1, unknown_account: 1 },
  moves: [],
  store: { engine: 'valkey', up: true },
  audit: null,
  reload: { appliedAt: '2026-05-03T09:30:00.000Z' },
  violations: 0,
  routes: [{ route: 'v1.share', perSecond: 42, p95Ms: 48.1 }],
};
