// An explanation as the stations of a request's journey: what each of them found, and where the way ends. Pure.
import type { Explained, Question } from './admin.ts';

export type StationState = 'passed' | 'stopped' | 'not_reached' | 'not_asked';

export interface Station {
  readonly name: string;
  readonly state: StationState;
  /** What it found, a sentence each. */
  readonly says: readonly string[];
}

/** Rules of docs/routing.md -> the station where the journey learns it. */
const AT: Readonly<Record<number, 'locate' | 'decide'>> = { 3: 'locate', 5: 'locate' };
const NAMES = ['classify', 'identify', 'admit', 'locate', 'decide', 'verify', 'forward'] as const;
type Name = (typeof NAMES)[number];

/** Refusals that are not decide's. */
const STOPS: Readonly<Record<string, Name>> = {
  credentials_malformed: 'identify',
  directory_unavailable: 'locate',
  index_unavailable: 'locate',
  region_drained: 'forward',
};

const EFFECTS: Readonly<Record<string, string>> = {
  none: 'changes nothing',
  creates: 'creates a secret',
  advances: 'changes state that cannot be set back',
  destroys: 'consumes a secret',
};

const REASONS: Readonly<Record<string, string>> = {
  account_home: 'the account lives there',
  account_named: 'the request names it, and the account may go there',
  account_unknown_named: 'nobody knows the account, and the request names it',
  account_unknown_default: 'nobody knows the account, and accounts.unknown says so',
  retrieval_named: 'the request names it, and an account that is not pinned may retrieve there',
  key_held: 'the key is held there',
  anonymous_named: 'the request names it',
  anonymous_default: 'the configuration says so for anonymous calls of this kind',
};

/** The whole answer in one sentence. */
export function verdictOf({ decision, region, reason, refusal, verify_at }: Explained): string {
  if (refusal !== null) return `Refused with ${refusal.status} ${refusal.code}.`;
  if (decision === 'answered_here') return 'Answered by the gateway itself. No region is asked.';
  if (decision === 'concealed') {
    return `Answered as an unknown key, after ${verify_at ?? 'nobody'} was asked whether the credentials are good.`;
  }
  return `Sent to ${region ?? 'nowhere'}: ${REASONS[reason ?? ''] ?? reason ?? 'no reason is given'}.`;
}

function stopOf({ route, refusal }: Explained): Name | undefined {
  if (refusal === null) return undefined;
  return STOPS[refusal.code] ?? (route === null ? 'classify' : 'decide');
}

function saysOf(name: Name, explained: Explained, question: Question): string[] {
  const { route, access, effect, steps, region, reason, credentials, verify_at, decision } = explained;
  const rules = (at: Name) =>
    steps.filter(({ rule }) => (AT[rule] ?? 'decide') === at).map(({ rule, says }) => `Rule ${rule}: ${says}.`);
  switch (name) {
    case 'classify':
      return route === null ? [] : [`${route}, for ${access} callers: ${EFFECTS[effect ?? ''] ?? effect}.`];
    case 'identify':
      return [question.user === undefined ? 'A caller without credentials.' : `Credentials of ${question.user}.`];
    case 'admit':
      return ['Limits are not asked here: this question spends nothing from them.'];
    case 'locate':
      return rules('locate');
    case 'decide':
      return [
        ...rules('decide'),
        ...(region === null ? [] : [`A permit for ${region}: ${REASONS[reason ?? ''] ?? reason}.`]),
      ];
    case 'verify':
      return [verify_at === null ? 'Not asked beforehand.' : `${verify_at} is asked whether the credentials are good.`];
    case 'forward':
      return decision === 'permit' ? [`To ${region}, once. ${CREDENTIALS[credentials ?? ''] ?? ''}`.trim()] : [];
  }
}

const CREDENTIALS: Readonly<Record<string, string>> = {
  forward: 'The credentials travel along.',
  strip: 'The credentials stay here.',
  none: 'There are no credentials.',
};

/** @returns the seven stations, in order */
export function stationsOf(explained: Explained, question: Question): Station[] {
  const { decision, refusal } = explained;
  const stop = stopOf(explained);
  const end = stop === undefined ? NAMES.length : NAMES.indexOf(stop);
  const sent = decision === 'permit';
  return NAMES.map((name, at): Station => {
    if (at > end) return { name, state: 'not_reached', says: [] };
    const says = saysOf(name, explained, question);
    if (at === end && refusal !== null) {
      return {
        name,
        state: 'stopped',
        says: [...says.filter((line) => line.startsWith('Rule') || name !== 'forward'), refusal.message],
      };
    }
    if (name === 'forward' && !sent) return { name, state: 'not_reached', says: ['Nothing is sent.'] };
    if (name === 'verify' && decision === 'answered_here') return { name, state: 'not_reached', says: [] };
    const unasked = name === 'admit' || (name === 'verify' && explained.verify_at === null);
    if (name === 'locate' && says.length === 0) return { name, state: 'passed', says: ['Nothing to look up.'] };
    return { name, state: unasked ? 'not_asked' : 'passed', says };
  });
}
