// The last check before a connection: may this account go there? Asked of each connection, which knows the one region that
// it leads to. It trusts the permit no further than that decide made it: what the account may do is held against what was
// located, not against what decide copied from it, and what is about to be written against what the permit says of
// credentials.
import { type Locality, Permit, type RegionName, type Standing } from '../domain.ts';

/** With what a request comes to a connection. */
export interface Ticket {
  readonly permit: Permit;
  /** `forward` sends the caller's request, `verify` the question whether its credentials are good. */
  readonly purpose: 'forward' | 'verify';
  /** As located. `undefined`: nobody has looked, and nothing may go. */
  readonly standing: Standing | undefined;
  /** Of the route, not of the permit: whether it reads a secret by its key (domain.ts, Route). */
  readonly retrieves: boolean;
}

const AUTHORIZATION = 'authorization';

/** @param headers flat */
function carriesCredentials(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length === AUTHORIZATION.length && name.toLowerCase() === AUTHORIZATION) return true;
  }
  return false;
}

function isAmong({ home, also }: Locality, region: RegionName): boolean {
  return region === home || also.includes(region);
}

function ofAccount(account: Locality, ticket: Ticket, region: RegionName): string | undefined {
  const { permit, purpose, retrieves } = ticket;
  if (isAmong(account, region)) return undefined;
  if (purpose === 'verify') return 'credentials would be verified outside the account’s regions';
  if (account.pinned) return 'a pinned account outside its regions';
  if (permit.credentials !== 'strip') return 'credentials would leave the account’s regions';
  return retrieves ? undefined : 'only a retrieval may leave the account’s regions';
}

function ofNobody({ permit, purpose }: Ticket): string | undefined {
  if (purpose === 'verify') return 'an anonymous caller has no credentials to verify';
  return permit.credentials === 'none' && permit.account === undefined ? undefined : 'credentials without an account';
}

/** Where `accounts.unknown` lets those pass whom nobody knows, decide has given them one region. */
function ofAdmitted(ticket: Ticket, region: RegionName): string | undefined {
  const { account } = ticket.permit;
  return account === undefined ? 'an unknown account without a region' : ofAccount(account, ticket, region);
}

function ofStanding(ticket: Ticket, region: RegionName): string | undefined {
  switch (ticket.standing) {
    case undefined:
    case 'untold':
      return 'nobody could tell where the account lives';
    case 'nobody':
      return ofNobody(ticket);
    case 'unknown':
      return 'an account that nobody knows';
    case 'admitted':
      return ofAdmitted(ticket, region);
    default:
      return ofAccount(ticket.standing, ticket, region);
  }
}

/**
 * @param ticket its permit is anything that claims to be one
 * @param region where the connection leads
 * @param headers flat: what would be written
 * @returns what is wrong, in words for the log, or undefined when the request may go
 */
export function violation(ticket: Ticket, region: RegionName, headers: readonly string[]): string | undefined {
  const { permit, purpose } = ticket;
  if (!Permit.isGenuine(permit)) return 'not a permit that decide made';
  if (purpose === 'forward' && region !== permit.region) return 'not the region of the permit';
  const problem = ofStanding(ticket, region);
  if (problem !== undefined) return problem;
  const mayCarry = purpose === 'verify' || permit.credentials === 'forward';
  return !mayCarry && carriesCredentials(headers) ? 'credentials that the permit keeps back' : undefined;
}

/**
 * The gateway's own question how a region is: nothing of a caller may travel with it.
 * @returns what is wrong
 */
export function probeViolation(method: string, target: string, headers: readonly string[]): string | undefined {
  if (method !== 'GET' || target !== '/api/v1/status') return 'a probe that asks for something else';
  return carriesCredentials(headers) ? 'a probe with credentials' : undefined;
}
