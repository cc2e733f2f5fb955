// The one place where a request is given its region, and the only maker of permits. Pure: the same question has the same
// answer, so `explain` shows operators what happens. The rule numbers are those of docs/routing.md.
import {
  type Found,
  issuePermit,
  type Locality,
  type Permit,
  type PermitFacts,
  type Reason,
  type RegionName,
  type Route,
} from '../domain.ts';
import { CHALLENGE, Refusal } from '../refusal.ts';
import type { Decide, Decision, Held, Named, Note, Policy } from './question.ts';

const HOW_TO_NAME = (regions: readonly RegionName[]): string =>
  `Name the region: put it before the path (/${regions[0]}/api/...) or send the header Onetime-Region. Regions here: ${regions.join(', ')}.`;

const UNKNOWN_KEY = { kind: 'unknown_key' } as const;

/** Makes decide for one policy. */
export function createDecide(policy: Policy): Decide {
  const regions = new Map<string, RegionName>(policy.regions.map((name) => [name, name]));

  /** Rule 1: the region that the caller names, if any. */
  function named({ prefix, header, host }: Named): RegionName | undefined | Refusal {
    let chosen = host === undefined ? undefined : policy.hosts.get(host);
    for (const given of [prefix, header]) {
      if (given === undefined) continue;
      const region = regions.get(given);
      if (region === undefined) return new Refusal('unknown_region', { hint: HOW_TO_NAME(policy.regions) });
      if (chosen !== undefined && chosen !== region) {
        return new Refusal('region_conflict', {
          hint: 'The path prefix, the Onetime-Region header and the host name must name the same region.',
        });
      }
      chosen = region;
    }
    return chosen;
  }

  /** Rule 3: what is taken for the locality of an account that nobody knows. */
  function localityOfUnknown(region: RegionName | undefined, term: number | undefined): Locality | Refusal {
    const told = term === undefined ? {} : { term };
    switch (policy.unknownAccounts.kind) {
      case 'refuse':
        return new Refusal('unknown_account', { headers: CHALLENGE });
      case 'named':
        if (region === undefined) return new Refusal('region_required', { hint: HOW_TO_NAME(policy.regions) });
        return { home: region, also: [], pinned: true, ...told };
      case 'region':
        return { home: policy.unknownAccounts.region, also: [], pinned: true, ...told };
    }
  }

  /** Rules 4, 5 and 6: an account's region. */
  function forAccount(
    route: Route,
    region: RegionName | undefined,
    locality: Locality,
    held: Found<Held> | undefined,
    reason: Reason,
    note?: Note,
  ): Decision {
    if (locality.moving === true && route.effect === 'creates') return moving(note);
    const outside = region !== undefined && !isOwn(locality, region);
    if (outside && (locality.pinned || !route.retrieves)) return notAllowed(region, locality, note);
    if (outside) note?.(4, `an account that is not pinned may retrieve from ${region}`);

    const facts = { account: locality };
    const verifyAt = (at: RegionName): RegionName | undefined =>
      route.access === 'private' && policy.verifyPrivate === 'authcheck' ? at : undefined;
    const elsewhere = heldAgainst(route, region, locality, held, note);
    if (typeof elsewhere === 'object') {
      const answer = elsewhere instanceof Refusal ? elsewhere : elsewhere.kind;
      const guarded = answer === 'unknown_key' || (route.access === 'private' && answer.code === 'held_elsewhere');
      if (!guarded) return answer;
      // Verified whatever `private.verify` says: with a bad token nobody may learn whose a key is, or where.
      const at = region ?? locality.home;
      const asked = permit(
        { ...facts, region: at, credentials: 'forward', verifyAt: at, reason: 'key_concealed' },
        note,
      );
      return asked instanceof Refusal ? asked : { kind: 'guarded', permit: asked, answer };
    }

    const to = region ?? elsewhere ?? locality.home;
    if (!outside && (region !== undefined || to === locality.home)) {
      note?.(
        6,
        region === undefined
          ? `no region is named: the account's home, ${to}`
          : `the named region, ${to}, is the account's own`,
      );
      return permit({ ...facts, region: to, credentials: 'forward', verifyAt: verifyAt(to), reason }, note);
    }
    note?.(6, `retrieved from ${to} without the credentials, which are verified at ${locality.home}`);
    const stripped = { ...facts, region: to, credentials: 'strip', verifyAt: locality.home } as const;
    return permit({ ...stripped, reason: outside ? 'retrieval_named' : 'key_held' }, note);
  }

  /** Nobody may make secrets in the region that the account leaves while others look for them in the new one. */
  function moving(note?: Note): Refusal {
    note?.(3, 'the account is being moved to another region, and creates nothing until that is done');
    return new Refusal('account_moving', { outcome: 'not_sent', headers: ['Retry-After', '2'] });
  }

  function notAllowed(region: RegionName, { pinned }: Locality, note?: Note): Refusal {
    note?.(4, `${region} is not the account's own and ${pinned ? 'it is pinned' : 'this call does not retrieve'}`);
    return new Refusal('region_not_allowed', {
      hint: pinned
        ? 'The account is pinned to its own region.'
        : 'Outside its own region this account may retrieve only.',
    });
  }

  /**
   * Rule 5 for an account: where the key is held, if that is to be used; undefined when the index has no say; or what
   * speaks against the call.
   */
  function heldAgainst(
    route: Route,
    region: RegionName | undefined,
    locality: Locality,
    held: Found<Held> | undefined,
    note?: Note,
  ): RegionName | undefined | Refusal | typeof UNKNOWN_KEY {
    const owned = route.access === 'private' && policy.ownership === 'enforce';
    if (held === undefined || held.kind === 'missing') return undefined;
    if (held.kind === 'unavailable') return region === undefined || owned ? unavailable(held.cause, note) : undefined;

    const { region: at, owner } = held.value;
    if (owned && owner === 'other') {
      note?.(5, 'the key is another account’s: answered as an unknown one, after verification');
      return UNKNOWN_KEY;
    }
    const named = region !== undefined && region !== at;
    if (named || (locality.pinned && !isOwn(locality, at))) {
      note?.(
        5,
        named ? 'the key is not held in the named region' : 'the key is held outside the regions of a pinned account',
      );
      return new Refusal('held_elsewhere');
    }
    if (region === undefined && at !== locality.home && !route.retrieves) {
      note?.(5, 'the key is held outside the account’s home, whose token does not work there');
      return new Refusal('held_elsewhere', { hint: 'Name the region, and send the credentials that belong to it.' });
    }
    note?.(5, `the key is held in ${at}`);
    return at;
  }

  function unavailable(cause: unknown, note?: Note): Refusal {
    note?.(5, 'where the key is held cannot be told at the moment');
    return new Refusal('index_unavailable', { cause, outcome: 'not_sent', headers: ['Retry-After', '1'] });
  }

  /** Rules 5 and 7. */
  function forAnonymous(
    route: Route,
    region: RegionName | undefined,
    held: Found<Held> | undefined,
    note?: Note,
  ): Decision {
    if (region === undefined && route.answersItself) {
      note?.(7, 'no region is named: the gateway answers for itself');
      return 'here';
    }
    const facts = { credentials: 'none', verifyAt: undefined, account: undefined } as const;
    if (held?.kind === 'unavailable' && region === undefined) return unavailable(held.cause, note);
    if (held?.kind === 'found') {
      const at = held.value.region;
      if (region !== undefined && region !== at) {
        note?.(5, 'the key is not held in the named region');
        return new Refusal('held_elsewhere');
      }
      note?.(5, `the key is held in ${at}`);
      return permit({ ...facts, region: at, reason: region === undefined ? 'key_held' : 'anonymous_named' }, note);
    }
    const standing =
      route.effect === 'creates' ? policy.anonymousCreate : route.retrieves ? policy.anonymousRetrieve : undefined;
    const to = region ?? standing;
    if (to === undefined) {
      note?.(7, 'anonymous, no region named and none configured for this call');
      return new Refusal('region_required', { hint: HOW_TO_NAME(policy.regions) });
    }
    note?.(7, `anonymous: ${to}, ${region === undefined ? 'configured for this call' : 'as named'}`);
    return permit(
      { ...facts, region: to, reason: region === undefined ? 'anonymous_default' : 'anonymous_named' },
      note,
    );
  }

  /** The last step of every way to a region: with `self.region` set, no other region is reached from here. */
  function permit(facts: PermitFacts, note?: Note): Permit | Refusal {
    const { self, gateways } = policy;
    if (self !== undefined && facts.region !== self) {
      const url = gateways.get(facts.region);
      note?.(8, `this gateway serves ${self} alone, ${facts.region} is served by ${url ?? 'another'}`);
      return new Refusal('misdirected', {
        hint: url === undefined ? `Region: ${facts.region}.` : `Use ${url} instead.`,
      });
    }
    if (self !== undefined && facts.verifyAt !== undefined && facts.verifyAt !== self) {
      note?.(8, `this gateway serves ${self} alone and cannot ask ${facts.verifyAt} about the credentials`);
      return new Refusal('region_not_allowed', { hint: 'Send this retrieval without credentials.' });
    }
    return isKnown(facts.region) && isKnown(facts.verifyAt ?? facts.region) ? issuePermit(facts) : notYet(facts, note);
  }

  const isKnown = (region: RegionName): boolean => regions.has(region);

  /**
   * The directory and the index are read with the configuration in force, and a request that began before it goes by its
   * own: a region that is new is none of its regions.
   */
  function notYet({ region, account }: PermitFacts, note?: Note): Refusal {
    note?.(8, `${region} is no region of the configuration in which this request began`);
    const code = account?.home === region ? 'directory_unavailable' : 'index_unavailable';
    const cause = { name: 'ConfigurationChanged', code: 'REGION_NOT_CONFIGURED' };
    return new Refusal(code, { cause, outcome: 'not_sent', headers: ['Retry-After', '1'] });
  }

  return function decide({ route, named: names, account, held }, note) {
    const region = named(names);
    if (region instanceof Refusal) {
      note?.(1, 'the region that the request names is unknown or ambiguous');
      return region;
    }
    note?.(1, region === undefined ? 'the request names no region' : `the request names ${region}`);

    if (account === undefined) {
      if (route.access !== 'private') return forAnonymous(route, region, held, note);
      note?.(2, 'a private route without credentials');
      return new Refusal('authentication_required', { headers: CHALLENGE });
    }
    if (account.kind === 'unavailable')
      return new Refusal('directory_unavailable', {
        cause: account.cause,
        outcome: 'not_sent',
        headers: ['Retry-After', '1'],
      });
    if (account.kind === 'found') {
      note?.(3, `the account lives in ${account.value.home}${account.value.pinned ? ', pinned' : ''}`);
      const reason = region === undefined ? 'account_home' : 'account_named';
      return forAccount(route, region, account.value, held, reason, note);
    }
    note?.(3, `nobody knows the account; accounts.unknown is ${policy.unknownAccounts.kind}`);
    const locality = localityOfUnknown(region, account.term);
    if (locality instanceof Refusal) return locality;
    const reason = policy.unknownAccounts.kind === 'named' ? 'account_unknown_named' : 'account_unknown_default';
    return forAccount(route, region, locality, held, reason, note);
  };
}

function isOwn({ home, also }: Locality, region: RegionName): boolean {
  return region === home || also.includes(region);
}
