// The one place where a request is given its region, and the only maker of permits. Pure: the same question has the same
// answer, so `explain` shows operators what happens.
import {
  type Found,
  issuePermit,
  type Locality,
  type Permit,
  type Reason,
  type RegionName,
  type Route,
} from '../domain.ts';
import { CHALLENGE, Refusal } from '../refusal.ts';

/** The parts of the configuration that decide. */
export interface Policy {
  readonly regions: readonly RegionName[];
  /** Host names, lower case without port, by which callers may choose a region. */
  readonly hosts: ReadonlyMap<string, RegionName>;
  readonly unknownAccounts:
    | { readonly kind: 'refuse' }
    | { readonly kind: 'named' }
    | { readonly kind: 'region'; readonly region: RegionName };
  readonly anonymousCreate: RegionName | undefined;
  readonly anonymousRetrieve: RegionName | undefined;
  readonly verifyPrivate: 'authcheck' | 'presence';
  readonly self: RegionName | undefined;
  readonly gateways: ReadonlyMap<RegionName, string>;
}

/** A region's name as the caller gave it, in up to three places, unchecked. */
export interface Named {
  readonly prefix: string | undefined;
  readonly header: string | undefined;
  /** The request's Host, lower case without port. */
  readonly host: string | undefined;
}

export interface Question {
  readonly route: Route;
  readonly named: Named;
  /** Undefined for an anonymous caller. */
  readonly account: Found<Locality> | undefined;
}

/** `here`: the gateway answers itself, no region is asked. */
export type Decision = Permit | Refusal | 'here';

/** Called with each rule that spoke, for `explain`; left out on the hot path. */
export type Note = (rule: number, sentence: string) => void;

const HOW_TO_NAME = (regions: readonly RegionName[]): string =>
  `Name the region: put it before the path (/${regions[0]}/api/...) or send the header Onetime-Region. Regions here: ${regions.join(', ')}.`;

export type Decide = (question: Question, note?: Note) => Decision;

/** Makes decide for one policy. The numbers in the notes and comments are those of the rules in docs/routing.md. */
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
  function localityOfUnknown(region: RegionName | undefined): Locality | Refusal {
    switch (policy.unknownAccounts.kind) {
      case 'refuse':
        return new Refusal('unknown_account', { headers: CHALLENGE });
      case 'named':
        if (region === undefined) return new Refusal('region_required', { hint: HOW_TO_NAME(policy.regions) });
        return { home: region, also: [], pinned: true };
      case 'region':
        return { home: policy.unknownAccounts.region, also: [], pinned: true };
    }
  }

  /** Rules 4 and 6: an account's region, named or home. */
  function forAccount(
    route: Route,
    region: RegionName | undefined,
    locality: Locality,
    reason: Reason,
    note?: Note,
  ): Decision {
    const own = region === undefined || region === locality.home || locality.also.includes(region);
    if (own) {
      const to = region ?? locality.home;
      note?.(
        6,
        region === undefined
          ? `no region is named: the account's home, ${to}`
          : `the named region, ${to}, is the account's own`,
      );
      const verifyAt = route.access === 'private' && policy.verifyPrivate === 'authcheck' ? to : undefined;
      return permit(
        { region: to, credentials: 'forward', verifyAt, reason, account: locality, retrieves: route.retrieves },
        note,
      );
    }
    if (locality.pinned || !route.retrieves) {
      note?.(
        4,
        `${region} is not the account's own and ${locality.pinned ? 'it is pinned' : 'this call does not retrieve'}`,
      );
      return new Refusal('region_not_allowed', {
        hint: locality.pinned
          ? 'The account is pinned to its own region.'
          : 'Outside its own region this account may retrieve only.',
      });
    }
    note?.(
      4,
      `an account that is not pinned may retrieve from ${region}; its credentials stay here and are verified at ${locality.home}`,
    );
    return permit(
      {
        region,
        credentials: 'strip',
        verifyAt: locality.home,
        reason: 'retrieval_named',
        account: locality,
        retrieves: true,
      },
      note,
    );
  }

  /** Rule 7. */
  function forAnonymous(route: Route, region: RegionName | undefined, note?: Note): Decision {
    if (region === undefined && route.answersItself) {
      note?.(7, 'no region is named: the gateway answers for itself');
      return 'here';
    }
    const standing =
      route.effect === 'creates' ? policy.anonymousCreate : route.retrieves ? policy.anonymousRetrieve : undefined;
    const to = region ?? standing;
    if (to === undefined) {
      note?.(7, 'anonymous, no region named and none configured for this call');
      return new Refusal('region_required', { hint: HOW_TO_NAME(policy.regions) });
    }
    const reason = region === undefined ? 'anonymous_default' : 'anonymous_named';
    note?.(7, `anonymous: ${to}, ${region === undefined ? 'configured for this call' : 'as named'}`);
    return permit(
      { region: to, credentials: 'none', verifyAt: undefined, reason, account: undefined, retrieves: route.retrieves },
      note,
    );
  }

  /** The last step of every way to a region: with `self.region` set, no other region is reached from here. */
  function permit(facts: Parameters<typeof issuePermit>[0], note?: Note): Decision {
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
    return issuePermit(facts);
  }

  return function decide({ route, named: names, account }, note) {
    const region = named(names);
    if (region instanceof Refusal) {
      note?.(1, 'the region that the request names is unknown or ambiguous');
      return region;
    }
    note?.(1, region === undefined ? 'the request names no region' : `the request names ${region}`);

    if (account === undefined) {
      if (route.access !== 'private') return forAnonymous(route, region, note);
      note?.(2, 'a private route without credentials');
      return new Refusal('authentication_required', { headers: CHALLENGE });
    }
    if (account.kind === 'unavailable') return new Refusal('directory_unavailable', { cause: account.cause });
    if (account.kind === 'found') {
      note?.(3, `the account lives in ${account.value.home}${account.value.pinned ? ', pinned' : ''}`);
      const reason = region === undefined ? 'account_home' : 'account_named';
      return forAccount(route, region, account.value, reason, note);
    }
    note?.(3, `no rule knows the account; accounts.unknown is ${policy.unknownAccounts.kind}`);
    const locality = localityOfUnknown(region);
    if (locality instanceof Refusal) return locality;
    const reason = policy.unknownAccounts.kind === 'named' ? 'account_unknown_named' : 'account_unknown_default';
    return forAccount(route, region, locality, reason, note);
  };
}
