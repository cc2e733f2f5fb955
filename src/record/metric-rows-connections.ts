// The metrics of callers' connections.
import type { MetricRow } from './metric-row.ts';

export const CONNECTION_METRICS = [
  { name: 'connections', type: 'gauge', labels: [], help: 'Connections of callers that are open.' },
  {
    name: 'connections_refused_total',
    type: 'counter',
    labels: ['reason'],
    help: 'Connections that were answered 503 or closed at once, because there were as many as `listen.maxConnections` (all) or `listen.maxConnectionsPerAddress` (address) allow.',
  },
  {
    name: 'connections_reclaimed_total',
    type: 'counter',
    labels: [],
    help: 'Unused connections that were ended to make place for new ones, since there were as many as `listen.maxConnections` allows.',
  },
] as const satisfies readonly MetricRow[];
