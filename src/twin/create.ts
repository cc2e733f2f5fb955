// Making a secret: the checks that v1 and v2 share, in the order in which the service does them.
import { asText, type Param, type Params } from './params.ts';
import { type Caller, ownerName, type Service } from './service.ts';
import type { Pair } from './store.ts';

export type Created =
  | { readonly kind: 'created'; readonly pair: Pair; readonly value: string }
  | { readonly kind: 'rate_limited' }
  | { readonly kind: 'invalid'; readonly message: string };

/** Where the fields stand: flat for v1's share and generate, under `secret` for create and v2. */
export type PayloadShape = 'flat' | 'nested';

const DAY_SECONDS = 24 * 3600;
const UNEXPECTED = 'An unexpected error occurred :[';
const EMAIL = /\b[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}\b/;

function invalid(message: string): Created {
  return { kind: 'invalid', message };
}

/** Creates from `params`, or says with which message the service turns the form down. */
export function createSecret(
  service: Service,
  caller: Caller,
  identity: string,
  params: Params,
  shape: PayloadShape,
  kind: 'share' | 'generate',
): Created {
  const payload = shape === 'flat' ? params : (params.secret ?? {});
  if (typeof payload !== 'object' || payload === null) return invalid('Incorrect payload format');
  if (Array.isArray(payload)) return invalid(UNEXPECTED);
  const ttlSeconds = clampTtl(payload.ttl, service.version, caller);
  const given = payload.secret;
  // A nested value where text belongs is a fault of the service (case 043-share-json-nested-form-name).
  if (ttlSeconds === undefined || (kind === 'share' && isNested(given))) return invalid(UNEXPECTED);
  if (!service.spend('create_secret', identity)) return { kind: 'rate_limited' };
  const recipient = firstRecipient(payload.recipient);
  if (recipient !== '' && caller === 'anonymous') return invalid('An account is required to send emails.');
  const domain = foreignDomain(asText(payload.share_domain), service.origin);
  if (domain !== undefined) return invalid(`Unknown domain: ${domain}`);
  const value = kind === 'generate' ? service.keys.value() : asText(given);
  if (value === '') return invalid('You did not provide anything to share');
  if (service.version === '0.26' && value.length > 10_000) {
    return invalid('Secret value exceeds the maximum size of 10000 characters');
  }
  // Longer values are cut without a word (case 143-secret-150kB-anon).
  const kept = value.slice(0, caller === 'anonymous' ? 100_000 : 1_000_000);
  const pair = service.store.create({
    owner: ownerName(caller),
    value: kept,
    originalSize: value.length,
    truncated: kept.length < value.length,
    passphrase: asText(payload.passphrase),
    ttlSeconds,
    generated: kind === 'generate',
    recipients: recipient === '' ? '' : obscure(recipient),
  });
  return { kind: 'created', pair, value };
}

function isNested(value: Param | undefined): boolean {
  return typeof value === 'object' && value !== null;
}

/** Seconds, silently clamped (cases 025 to 027, 036); undefined for what has no number at all. */
function clampTtl(ttl: Param | undefined, version: '0.20' | '0.26', caller: Caller): number | undefined {
  if (ttl === undefined || ttl === null) return 7 * DAY_SECONDS;
  if (typeof ttl !== 'string' && typeof ttl !== 'number') return undefined;
  // Ruby's to_i: leading digits, else 0.
  const asked = typeof ttl === 'number' ? Math.trunc(ttl) : Number(/^\s*[+-]?\d+/.exec(ttl)?.[0] ?? 0);
  const least = version === '0.20' ? 300 : 60;
  const most = caller === 'anonymous' && version === '0.20' ? 7 * DAY_SECONDS : 14 * DAY_SECONDS;
  return Math.min(most, Math.max(least, asked));
}

/** Only the first address that looks like one gets mail and is named (cases 069, 070). */
function firstRecipient(value: Param | undefined): string {
  for (const one of Array.isArray(value) ? value : [value]) {
    const found = EMAIL.exec(asText(one))?.[0];
    if (found !== undefined) return found;
  }
  return '';
}

/** `bo*****@e*****.com` (case 067-share-auth-recipient). */
function obscure(email: string): string {
  const at = email.indexOf('@');
  const domain = email.slice(at + 1);
  return `${email.slice(0, 2)}*****@${domain.slice(0, 1)}*****${domain.slice(domain.lastIndexOf('.'))}`;
}

/** A domain that is not the service's own; nonsense is passed over. */
function foreignDomain(domain: string, origin: string): string | undefined {
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}$/i.test(domain)) return undefined;
  return domain.toLowerCase() === new URL(origin).hostname ? undefined : domain;
}
