// What is wrong at the moment, in sentences, worst first. Pure, so that what the banner says can be tested by itself.
import type { LivePressure, LiveProxyFault, LiveRegion, LiveState } from '../../listener/admin-live-types.ts';
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
  troubles.push(...ofPromises(state), ...ofOverload(state), ...ofRegions(state), ...ofState(state));
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

/** What its proxy does to a region that is taken for down. */
const PROXY_DOES: Readonly<Record<LiveProxyFault, string>> = {
  unreachable: 'its egress proxy cannot be reached',
  timeout: 'its egress proxy does not connect in time',
  closed: 'its egress proxy closes every connection',
  garbled: 'what answers in place of its egress proxy is none',
  authentication: 'its egress proxy does not take the credentials',
  refused: 'the rules of its egress proxy do not let the gateway connect to it',
  no_route: 'its egress proxy cannot reach it',
  stalled: 'TLS with it does not begin, through its egress proxy',
};

/** These may be the region's doing. */
const OF_BOTH: readonly LiveProxyFault[] = ['no_route', 'stalled'];

/** Why the proxy is at fault, or may be, that the region is down; null: it is not. */
export function proxyFaultOf({ up, breaker, proxyFault }: LiveRegion): LiveProxyFault | null {
  return up && breaker === 'closed' ? null : proxyFault;
}

function downOf(region: LiveRegion): string | undefined {
  const { name, up, breaker } = region;
  if (up && breaker !== 'open') return undefined;
  const fault = proxyFaultOf(region);
  if (fault !== null) {
    const well = OF_BOTH.includes(fault) ? '' : ' The region itself may be well.';
    return `Region ${name} is down: ${PROXY_DOES[fault]}.${well}`;
  }
  return breaker === 'open'
    ? `Region ${name} is down: it has failed too often in a row, and nothing is sent to it until a probe succeeds.`
    : `Region ${name} is down: it does not answer.`;
}

const WANT_OF: Readonly<Record<LivePressure, string>> = {
  event_loop: 'its event loop is late',
  heap: 'its heap is full',
  memory: 'its memory is used up',
};

/** What is nearest to its bound, or beyond it. */
function nearestOf(pressure: LiveState['overload']['pressure']): LivePressure {
  let nearest: LivePressure = 'event_loop';
  for (const kind of ['heap', 'memory'] as const) {
    if ((pressure[kind] ?? 0) > (pressure[nearest] ?? 0)) nearest = kind;
  }
  return nearest;
}

function ofOverload({ overload: { refused, pressure, connections } }: LiveState): Trouble[] {
  const troubles: Trouble[] = [];
  const at = '#/limits';
  if (connections.refused.all > 0) {
    const says = `Callers get no connection to the gateway (${perSecond(connections.refused.all)}): as many as may are open.`;
    troubles.push({ id: 'callers', level: 'bad', says, at });
  }
  const away = refused.anonymous + refused.authenticated;
  if (away === 0) return troubles;
  const everybody = refused.authenticated > 0;
  const whom = everybody ? 'calls' : 'calls without credentials';
  const says = `The gateway turns ${whom} away (${perSecond(away)}): ${WANT_OF[nearestOf(pressure)]}.`;
  troubles.push({ id: 'overload', level: everybody ? 'bad' : 'warn', says, at });
  return troubles;
}

function ofRegions({ regions }: LiveState): Trouble[] {
  return regions.flatMap((region): Trouble[] => {
    const { name, drained, outcomes, budgetUsed, turnedAway } = region;
    const at = '#/overview';
    if (drained) {
      const says = `Region ${name} was taken out of service by an operator: what would go there is refused.`;
      return [{ id: `drained:${name}`, level: 'warn', says, at }];
    }
    const troubles: Trouble[] = [];
    const down = downOf(region);
    if (down !== undefined) troubles.push({ id: `down:${name}`, level: 'bad', says: down, at });
    if (outcomes.unknown > 0) {
      const says = `Region ${name} took requests whose answer never came (${perSecond(outcomes.unknown)}): what became of them is not known.`;
      troubles.push({ id: `unknown:${name}`, level: 'warn', says, at });
    }
    if (budgetUsed !== null && budgetUsed >= BUDGET_TIGHT) {
      const says = `Anonymous retrieval from ${name} has nearly used up what the region allows this gateway.`;
      troubles.push({ id: `budget:${name}`, level: 'warn', says, at: '#/limits' });
    }
    const away = turnedAway.full + turnedAway.share + turnedAway.late;
    if (away > 0) {
      const says = `Calls to region ${name} get no connection (${perSecond(away)}): as many as may are under way or wait.`;
      troubles.push({ id: `line:${name}`, level: 'warn', says, at: '#/limits' });
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
