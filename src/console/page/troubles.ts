// What is wrong at the moment, in sentences, worst first. Pure, so that what the banner says can be tested by itself.
import type { LiveState } from '../../listener/admin-live-types.ts';
import { listing, perSecond, plural } from './format.ts';
import type { Live } from './samples.ts';

export interface Trouble {
  /** The same trouble has the same id, whatever its numbers say. */
  readonly id: string;
  readonly level: 'bad' | 'warn';
  readonly says: string;
  /** The view that tells more. */
  readonly at: string | undefined;
}

/** From this share of a region's budget on, callers will soon be refused for it. */
const BUDGET_TIGHT = 0.8;

export function troublesOf({ connection, state, problem }: Pick<Live, 'connection' | 'state' | 'problem'>): Trouble[] {
  const troubles: Trouble[] = [];
  if (connection === 'lost') {
    const lost =
      state === undefined
        ? 'The gateway does not answer. Trying again.'
        : 'The connection to the gateway is lost: what stands below is what was last heard. Trying again.';
    const says = problem === undefined ? lost : [problem.message, problem.hint ?? ''].join(' ').trim();
    troubles.push({ id: 'connection', level: 'bad', says, at: undefined });
  }
  if (state === undefined) return troubles;
  troubles.push(...ofPromises(state), ...ofRegions(state), ...ofState(state));
  return troubles.sort((a, b) => Number(b.level === 'bad') - Number(a.level === 'bad'));
}

function ofPromises({ violations, audit }: LiveState): Trouble[] {
  const troubles: Trouble[] = [];
  if (violations > 0) {
    troubles.push({
      id: 'violation',
      level: 'bad',
      says: `${plural(violations, 'request')} of a pinned account ${violations === 1 ? 'was' : 'were'} stopped at the door of a region where it may not go. Nothing was sent, but this is a defect: report it.`,
      at: '#/audit',
    });
  }
  if (audit?.failing) {
    troubles.push({ id: 'audit', level: 'bad', says: 'The audit log cannot be written.', at: '#/audit' });
  }
  if (audit !== null && audit.lost > 0) {
    troubles.push({
      id: 'audit-lost',
      level: 'warn',
      says: `${plural(audit.lost, 'audit record')} could not be written and ${audit.lost === 1 ? 'is' : 'are'} lost; the gap is in the log.`,
      at: '#/audit',
    });
  }
  return troubles;
}

function ofRegions({ regions }: LiveState): Trouble[] {
  return regions.flatMap(({ name, up, breaker, drained, outcomes, budgetUsed }): Trouble[] => {
    const at = '#/overview';
    if (drained) {
      const says = `Region ${name} was taken out of service by an operator: what would go there is refused.`;
      return [{ id: `drained:${name}`, level: 'warn', says, at }];
    }
    const troubles: Trouble[] = [];
    if (breaker === 'open') {
      const says = `Region ${name} is down: it has failed too often in a row, and nothing is sent to it until a probe succeeds.`;
      troubles.push({ id: `down:${name}`, level: 'bad', says, at });
    } else if (!up) {
      troubles.push({ id: `down:${name}`, level: 'bad', says: `Region ${name} is down: it does not answer.`, at });
    }
    if (outcomes.unknown > 0) {
      const says = `Region ${name} took requests whose answer never came (${perSecond(outcomes.unknown)}): what became of them is not known.`;
      troubles.push({ id: `unknown:${name}`, level: 'warn', says, at });
    }
    if (budgetUsed !== null && budgetUsed >= BUDGET_TIGHT) {
      const says = `Anonymous retrieval from ${name} has nearly used up what the region allows this gateway.`;
      troubles.push({ id: `budget:${name}`, level: 'warn', says, at: '#/limits' });
    }
    return troubles;
  });
}

function ofState({ store, moves, reload, workers }: LiveState): Trouble[] {
  const troubles: Trouble[] = [];
  if (!store.up) {
    const says = 'The store is away: known accounts are served from memory, others are answered 503.';
    troubles.push({ id: 'store', level: 'bad', says, at: '#/accounts' });
  } else if (moves === null) {
    troubles.push({
      id: 'directory',
      level: 'warn',
      says: 'The directory of accounts does not answer.',
      at: '#/accounts',
    });
  }
  const last = reload?.last;
  if (last?.result === 'refused') {
    const says =
      last.needsRestart.length > 0
        ? `The configuration was not reloaded: ${listing(last.needsRestart)} can change with a restart only.`
        : 'The configuration was not reloaded: it has mistakes, and the one before stays in force.';
    troubles.push({ id: `reload:${last.at}`, level: 'warn', says, at: '#/configuration' });
  }
  if (workers.listening === 0) {
    troubles.push({ id: 'workers', level: 'bad', says: 'No thread of the gateway answers callers.', at: '#/overview' });
  }
  return troubles;
}
