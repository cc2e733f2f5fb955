// The metrics of what is remembered: the store, the key index, the directory, a source of accounts.
import type { MetricRow } from './metric-row.ts';

export const STATE_METRICS = [
  {
    name: 'key_lookups_total',
    type: 'counter',
    labels: ['result'],
    help: 'Questions to the key index where a key is held, by result (found, missing, unavailable).',
  },
  {
    name: 'key_learned_total',
    type: 'counter',
    labels: ['result'],
    help: 'Keys of successful creates: stored before the answer left, or failed (then only this process knows them, until the store is back).',
  },
  {
    name: 'store_up',
    type: 'gauge',
    labels: ['engine'],
    help: '1 while the store can be asked, 0 while it is away.',
    across: 'min',
  },
  {
    name: 'store_away_total',
    type: 'counter',
    labels: ['engine'],
    help: 'Times that the store went away: did not answer in time, or lost its connection.',
  },
  {
    name: 'store_failures_total',
    type: 'counter',
    labels: ['engine'],
    help: 'Questions to the store that were not answered, or not in time.',
  },
  {
    name: 'directory_lookups_total',
    type: 'counter',
    labels: ['result'],
    help: 'Questions to the directory where an account lives, by result (found, missing, unavailable).',
  },
  {
    name: 'directory_memory_hits_total',
    type: 'counter',
    labels: [],
    help: 'Of these, how many were answered from memory.',
  },
  {
    name: 'directory_epoch',
    type: 'gauge',
    labels: [],
    help: 'The change of the directory that this gateway has seen last. It goes back only with other data.',
    across: 'min',
  },
  {
    name: 'directory_age_seconds',
    type: 'gauge',
    labels: [],
    help: 'Since this gateway followed the directory’s changes last; grows while the store is away.',
    across: 'max',
  },
  {
    name: 'directory_leased',
    type: 'gauge',
    labels: [],
    help: '1 while this gateway’s lease is in force; at 0 accounts of the directory are answered 503.',
    across: 'min',
  },
  {
    name: 'directory_changes_total',
    type: 'counter',
    labels: ['change'],
    help: 'Changes of the directory that this gateway saw, whoever made them, by kind.',
    across: 'first',
  },
  {
    name: 'account_moves',
    type: 'gauge',
    labels: ['phase'],
    help: 'Accounts that are being moved, by phase (frozen, cutover). One that stays for long waits for a gateway.',
    across: 'max',
  },
  {
    name: 'source_questions_total',
    type: 'counter',
    labels: ['result'],
    help: 'Questions to accounts.source, by result (found, missing, failed; refused: too many were under way).',
    across: 'first',
  },
  {
    name: 'source_entries',
    type: 'gauge',
    labels: ['kind'],
    help: 'Answers of accounts.source that are remembered (good).',
    across: 'first',
  },
  {
    name: 'source_age_seconds',
    type: 'gauge',
    labels: ['answer'],
    help: 'Age of the oldest and of the newest good answer of accounts.source that is remembered.',
    across: 'first',
  },
] as const satisfies readonly MetricRow[];
