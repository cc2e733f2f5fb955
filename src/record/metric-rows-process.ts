// The metrics of the gateway as a process: its threads and what runs.
import type { MetricRow } from './metric-row.ts';

export const PROCESS_METRICS = [
  {
    name: 'workers',
    type: 'gauge',
    labels: [],
    help: 'Threads that answer callers at the moment; 1 where the gateway runs without workers.',
    across: 'first',
  },
  {
    name: 'worker_restarts_total',
    type: 'counter',
    labels: ['reason'],
    help: 'Workers that were started anew in place of one that ended: crashed (an error nobody caught), out_of_memory, or ended otherwise.',
    across: 'first',
  },
  {
    name: 'pressure',
    type: 'gauge',
    labels: ['kind'],
    help: 'How late the event loop was when it was measured last (event_loop), how much of the heap is in use (heap), and of the memory that the process may have (memory; only where a container or a unit limits it): of the bounds in `overload`, so that from 1 on calls are turned away. Of several threads, the one that is nearest.',
    across: 'max',
  },
  {
    name: 'trace_spans_total',
    type: 'counter',
    labels: ['result'],
    help: 'Spans by what became of them: exported, or dropped because too many waited or the collector did not take them. None where `tracing` has no collector.',
  },
  {
    name: 'build_info',
    type: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1; the labels tell what runs.',
    across: 'first',
  },
] as const satisfies readonly MetricRow[];
