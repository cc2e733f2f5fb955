// Names: of regions, accounts and their domains.
import type { RegionName } from '../domain.ts';
import { Unfit } from './units.ts';

/** First segments of paths that the gateway or the service answers: a region of that name could never be reached. */
export const RESERVED_SEGMENTS: ReadonlySet<string> = new Set([
  'account',
  'admin',
  'api',
  'assets',
  'auth',
  'colonel',
  'console',
  'docs',
  'explain',
  'health',
  'healthz',
  'help',
  'livez',
  'metadata',
  'metrics',
  'openapi',
  'openapi.json',
  'openapi.yaml',
  'private',
  'readyz',
  'receipt',
  'recent',
  'secret',
  'static',
  'status',
  'v1',
  'v2',
  'v3',
  'version',
]);

/** Words that stand where a region may stand and mean something else. */
const KEYWORDS: ReadonlySet<string> = new Set(['refuse', 'named', 'none', 'null', 'true', 'false']);

/** Reserved for regions, but pages of the service and no part of its API: these may be passed through. */
const PAGES: ReadonlySet<string> = new Set(['assets', 'help', 'static']);

/** Whether a path that begins so is the API's or the gateway's own, and never passed through. */
export function isOwnSegment(segment: string): boolean {
  const name = segment.toLowerCase(); // some servers compare so
  return RESERVED_SEGMENTS.has(name) && !PAGES.has(name);
}

export const REGION_NAME = 'a region name: lower-case letters, digits and hyphens, a letter first, such as eu';
export const ACCOUNT = 'the name of an account, such as ops@corp.example';
export const DOMAIN = 'the part of account names behind the @, such as corp.example';

/** The name of a region where one is defined. */
export function readRegionName(text: string): RegionName | Unfit {
  if (RESERVED_SEGMENTS.has(text))
    return new Unfit(`a region name that is not the start of a path that the gateway serves (/${text})`);
  if (KEYWORDS.has(text)) return new Unfit(`a region name that is not a word of the configuration (${text})`);
  if (text.length > 63 || !/^[a-z][a-z0-9-]*$/.test(text)) return new Unfit(REGION_NAME);
  return text as RegionName;
}

/** An account name as rules compare it: trimmed, lower case, NFC. */
export function readAccount(text: string): string | Unfit {
  const name = text.trim().toLowerCase().normalize('NFC');
  if (name.includes(':')) return new Unfit(ACCOUNT, 'A name with a colon cannot be sent as Basic credentials.');
  if (name === '' || /\p{Cc}/u.test(name)) return new Unfit(ACCOUNT);
  if (name.startsWith('@')) return new Unfit(ACCOUNT, 'For everybody of a domain write domain: in place of account:.');
  return name;
}

/** A mail domain as rules compare it: trimmed, lower case, NFC. */
export function readDomain(text: string): string | Unfit {
  const name = text.trim().toLowerCase().normalize('NFC');
  if (name.startsWith('@')) return new Unfit(DOMAIN, 'Write it without the @.');
  if (name.includes('@')) return new Unfit(DOMAIN, 'For one account write account: in place of domain:.');
  if (name.includes('*')) return new Unfit(DOMAIN, 'Wildcards are not supported: write each domain.');
  return /^[\p{L}\p{M}\p{N}_-]+(\.[\p{L}\p{M}\p{N}_-]+)*$/u.test(name) ? name : new Unfit(DOMAIN);
}
