// The metrics of what operators and auditors rely on: the audit log, and the configuration in force.
import type { MetricRow } from './metric-row.ts';

export const OPERATIONS_METRICS = [
  {
    name: 'audit_records_total',
    type: 'counter',
    labels: ['kind'],
    help: 'Records written to the audit log since the start, by kind (docs/audit.md). None where it is off.',
    across: 'first',
  },
  {
    name: 'audit_failing',
    type: 'gauge',
    labels: [],
    help: '1 while the audit log cannot be written: with `audit.onFailure: refuse` nothing is sent to a region meanwhile.',
    across: 'first',
  },
  {
    name: 'audit_write_failures_total',
    type: 'counter',
    labels: [],
    help: 'Attempts to write the audit log that failed.',
    across: 'first',
  },
  {
    name: 'audit_lost_total',
    type: 'counter',
    labels: [],
    help: 'Audit records for which there was no room while it could not be written; the log says so too.',
    across: 'first',
  },
  {
    name: 'audit_head_age_seconds',
    type: 'gauge',
    labels: [],
    help: 'How long the oldest audit record has been waiting for a signature over it; 0 where all are signed.',
    across: 'first',
  },
  {
    name: 'audit_bytes',
    type: 'gauge',
    labels: [],
    help: 'Size of the audit log’s current file; closed ones are not counted.',
    across: 'first',
  },
  {
    name: 'config_reloads_total',
    type: 'counter',
    labels: ['result'],
    help: 'Times that the configuration was read again and was another one: applied, or refused, whatever was wrong with it.',
    across: 'first',
  },
  {
    name: 'config_last_reload_successful',
    type: 'gauge',
    labels: [],
    help: '0 from a refused reload until the next good one: the file is not what is in force.',
    across: 'first',
  },
  {
    name: 'config_applied_timestamp_seconds',
    type: 'gauge',
    labels: [],
    help: 'When the configuration in force came into force, in Unix time.',
    across: 'first',
  },
] as const satisfies readonly MetricRow[];
