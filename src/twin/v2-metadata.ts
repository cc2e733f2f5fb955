// Version 2: metadata, burning, the list of an account's secrets, and its account record.
import { type Answer, json, unknownSecret } from './answer.ts';
import { look } from './metadata.ts';
import { asText } from './params.ts';
import { linkOrigin } from './paths.ts';
import { displayLines, isDestroyed, linksV2, metadataV2, naturalDuration, owns } from './records-v2.ts';
import { type Call, lookupKey, ownerName, type Service } from './service.ts';
import { type Metadata, seconds, secondsLeft } from './store.ts';
import { formErrorV2, rateLimitedV2 } from './v2-refusals.ts';

/** The record as it was before this look, and the value for anyone while the secret can be read (cases 289 to 291). */
export function showMetadataV2(service: Service, call: Call): Answer {
  if (!service.spend('show_metadata', call.identity)) return rateLimitedV2(service);
  const metadata = service.store.metadata(lookupKey(service, call.key));
  if (metadata === undefined) return unknownSecret(call.key);
  const secretKey = metadata.secretKey;
  const dump = metadataV2(metadata, 'loaded');
  const { secret, value, before } = look(service, metadata);
  const mine = owns(call.caller, metadata.owner);
  const protectedBy = secret === undefined ? undefined : secret.passphrase !== '';
  const shows = secret !== undefined && protectedBy === false && before === 'new';
  const gone = isDestroyed(metadata);
  // 0.20 sends the plaintext with every look, whatever `show_secret` says; 0.26 a generated one, once.
  const sent = service.version === '0.26' ? value : protectedBy === false ? secret?.value : undefined;
  const visible = before !== 'viewed' || mine;
  return json(200, {
    success: true,
    record: {
      ...(secret === undefined ? metadataV2(metadata, 'loaded') : dump),
      ...(shows ? keyName(service, secretKey) : {}),
      secret_state: secret?.state ?? null,
      natural_expiration: naturalDuration(metadata.ttlSeconds),
      expiration: metadata.created + metadata.ttlSeconds,
      expiration_in_seconds: service.version === '0.20' ? String(metadata.ttlSeconds) : metadata.ttlSeconds,
      ...linksV2(metadata, secretKey, linkOrigin(service, call.received)),
    },
    details: {
      type: 'record',
      display_lines: displayLines(sent),
      no_cache: true,
      secret_realttl: secret === undefined ? null : secondsLeft(secret.expiresAtMs, service.now()),
      maxviews: secret === undefined ? null : 1,
      has_maxviews: secret === undefined ? null : false,
      view_count: null,
      has_passphrase: protectedBy ?? null,
      can_decrypt: secret === undefined ? null : !protectedBy,
      secret_value: sent ?? null,
      is_truncated: secret?.truncated ?? null,
      show_secret: shows,
      show_secret_link: !gone && (shows || mine) && metadata.recipients === '',
      show_metadata_link: before === 'new',
      show_metadata: visible,
      show_recipients: visible && metadata.recipients !== '',
    },
  });
}

function keyName(service: Service, key: string): object {
  return service.version === '0.20' ? { secret_key: key } : { secret_identifier: key };
}

/** Cases 294 to 296: anything but a burn is "could not be burned", a wrong passphrase is a form error. */
export function burnV2(service: Service, call: Call): Answer {
  if (!service.spend('burn_secret', call.identity)) return rateLimitedV2(service);
  const metadata = service.store.metadata(lookupKey(service, call.key));
  if (metadata === undefined) return unknownSecret(call.key);
  const secret = service.store.secret(metadata.secretKey);
  if (secret === undefined) return formErrorV2(service, call, 500, 'Secret could not be burned.');
  if (!service.spend('attempt_secret_access', call.identity)) return rateLimitedV2(service);
  if (secret.passphrase !== '' && asText(call.params.passphrase) !== secret.passphrase) {
    if (!service.spend('failed_passphrase', call.identity)) return rateLimitedV2(service);
    return formErrorV2(service, call, 422, 'Double check that passphrase');
  }
  if (asText(call.params.continue) !== 'true') {
    return formErrorV2(service, call, 500, 'Secret could not be burned.');
  }
  const answer = json(200, burned(service, call, metadata));
  service.store.consume(secret, 'burned');
  return answer;
}

function burned(service: Service, call: Call, metadata: Metadata): object {
  const fortnight = 14 * 24 * 3600;
  return {
    success: true,
    shrimp: service.shrimp(call.caller),
    custid: ownerName(call.caller),
    record: {
      ...metadataV2(metadata, 'loaded'),
      natural_expiration: naturalDuration(fortnight),
      expiration: metadata.created + fortnight,
      expiration_in_seconds: fortnight,
      ...linksV2(metadata, metadata.secretKey, linkOrigin(service, call.received)),
    },
    details: {
      type: 'record',
      title: 'Secret burned',
      display_lines: 0,
      display_feedback: false,
      no_cache: true,
      maxviews: 0,
      has_maxviews: false,
      view_count: 0,
      has_passphrase: false,
      can_decrypt: false,
      is_truncated: false,
      show_secret: false,
      show_secret_link: false,
      show_metadata_link: false,
      show_metadata: true,
      show_recipients: metadata.recipients !== '',
      is_orphaned: false,
    },
  };
}

/** Case 297-v2-recent. */
export function recentV2(service: Service, call: Call): Answer {
  const nowMs = service.now();
  const list = service.store.recent(ownerName(call.caller));
  const records = (some: Metadata[]) => some.map((one) => metadataV2(one, 'loaded'));
  return json(200, {
    success: true,
    custid: ownerName(call.caller),
    count: list.length,
    records: records(list),
    details: {
      type: 'list',
      since: seconds(nowMs) - 30 * 24 * 3600,
      now: `${new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ')} +0000`,
      has_items: list.length > 0,
      received: records(list.filter(isDestroyed)),
      notreceived: records(list.filter((one) => !isDestroyed(one))),
    },
  });
}

/** The account record (case 253-v2-authcheck-auth); the counters are those of this twin. */
export function authcheckV2(service: Service, call: Call): Answer {
  const name = ownerName(call.caller);
  const created = service.store.recent(name);
  const count = (state: Metadata['state']) => String(created.filter((one) => one.state === state).length);
  const options = { ttl: 1209600, size: 1000000, api: true, name: 'Basic Plan', email: true };
  const at = String(seconds(service.now()));
  return json(200, {
    record: {
      identifier: name,
      custid: name,
      role: 'customer',
      verified: 'true',
      last_login: '',
      locale: '',
      updated: at,
      created: at,
      stripe_customer_id: '',
      stripe_subscription_id: '',
      stripe_checkout_email: '',
      plan: {
        identifier: 'basic',
        planid: 'basic',
        price: 0,
        discount: 0,
        options: { ...options, custom_domains: false, dark_mode: true },
      },
      secrets_created: String(created.length),
      secrets_burned: count('burned'),
      secrets_shared: count('received'),
      emails_sent: '0',
      active: true,
    },
    details: { authenticated: true },
  });
}
