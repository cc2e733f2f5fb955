// Version 2 of the API: its routes, and what concerns secrets. What concerns metadata is in v2-metadata.ts.
import { type Answer, json, sessionCookie, unknownSecret } from './answer.ts';
import { createSecret } from './create.ts';
import { asText } from './params.ts';
import { displayLines, isOneLiner, metadataV2, owns, secretV2 } from './records-v2.ts';
import { type Call, lookupKey, ownerName, type Service } from './service.ts';
import { type Secret, seconds } from './store.ts';
import { authcheckV2, burnV2, recentV2, showMetadataV2 } from './v2-metadata.ts';
import { formErrorV2, rateLimitedV2 } from './v2-refusals.ts';

export interface RouteV2 {
  readonly methods: readonly string[];
  readonly path: string;
  readonly only?: '0.26';
  /** `page`: credentials are not looked at, and a session cookie is set (cases 251, 256-v2-status-bad). */
  readonly access: 'page' | 'anonymous' | 'account';
  readonly handle: (service: Service, call: Call) => Answer;
}

/** UPSTREAM.md, "Version 2". */
export const ROUTES_V2: readonly RouteV2[] = [
  { methods: ['GET'], path: '/status', access: 'page', handle: page({ status: 'nominal', locale: 'en' }) },
  { methods: ['GET'], path: '/version', access: 'page', handle: version },
  {
    methods: ['GET'],
    path: '/supported-locales',
    access: 'page',
    handle: page({ locales: ['en'], default_locale: 'en', locale: 'en' }),
  },
  { methods: ['GET'], path: '/authcheck', access: 'account', handle: authcheckV2 },
  { methods: ['POST'], path: '/secret/conceal', access: 'anonymous', handle: create('share') },
  { methods: ['POST'], path: '/secret/generate', access: 'anonymous', handle: create('generate') },
  { methods: ['GET'], path: '/secret/:key', access: 'anonymous', handle: showSecretV2 },
  { methods: ['GET'], path: '/secret/:key/status', only: '0.26', access: 'anonymous', handle: secretStatus },
  { methods: ['POST'], path: '/secret/:key/reveal', access: 'anonymous', handle: reveal },
  { methods: ['GET'], path: '/private/recent', access: 'account', handle: recentV2 },
  { methods: ['GET'], path: '/receipt/recent', only: '0.26', access: 'account', handle: recentV2 },
  { methods: ['GET'], path: '/private/:key', access: 'anonymous', handle: showMetadataV2 },
  { methods: ['GET'], path: '/receipt/:key', only: '0.26', access: 'anonymous', handle: showMetadataV2 },
  { methods: ['POST'], path: '/private/:key/burn', access: 'anonymous', handle: burnV2 },
  { methods: ['POST'], path: '/receipt/:key/burn', only: '0.26', access: 'anonymous', handle: burnV2 },
];

function page(body: object): RouteV2['handle'] {
  return (service) => json(200, body, sessionCookie(service.keys.token(), service.now()));
}

function version(service: Service, call: Call): Answer {
  const parts = service.version === '0.20' ? ['0', '20', '4'] : ['0', '26', '0'];
  return page({ version: parts, locale: 'en' })(service, call);
}

function create(kind: 'share' | 'generate'): RouteV2['handle'] {
  return (service, call) => {
    const created = createSecret(service, call.caller, call.identity, call.params, 'nested', kind);
    if (created.kind === 'rate_limited') return rateLimitedV2(service);
    if (created.kind === 'invalid') return formErrorV2(service, call, 422, created.message);
    const { secret, metadata } = created.pair;
    const recipients = metadata.recipients === '' ? [] : [metadata.recipients];
    return json(200, {
      success: true,
      shrimp: service.shrimp(call.caller),
      custid: ownerName(call.caller),
      record: { metadata: metadataV2(metadata, 'made'), secret: secretV2(secret, 'made'), share_domain: null },
      details: { kind: kind === 'share' ? 'conceal' : 'generate', recipient: recipients, recipient_safe: recipients },
    });
  };
}

interface Shown {
  readonly continues: boolean;
  readonly correct: boolean;
  readonly saved: boolean;
  /** The plaintext; the secret is consumed. */
  readonly value: string | undefined;
}

function recordAnswer(service: Service, call: Call, secret: Secret, shown: Shown): Answer {
  // Not recorded, but v1 cannot write such bytes either (case 145-secret-invalid-utf8-value).
  if (shown.value?.isWellFormed() === false) return formErrorV2(service, call, 500, 'An unexpected error occurred :[');
  const revealed = shown.value === undefined ? {} : { secret_value: shown.value };
  return json(200, {
    success: true,
    record: { ...secretV2(secret, shown.saved ? 'saved' : 'loaded'), ...revealed },
    details: {
      continue: shown.continues,
      is_owner: owns(call.caller, secret.owner),
      show_secret: shown.value !== undefined,
      correct_passphrase: shown.correct,
      display_lines: displayLines(shown.value),
      one_liner: isOneLiner(shown.value),
    },
  });
}

/** 0.20 writes down the old date when it consumes: the record was dumped first (case 268). */
function consume(service: Service, secret: Secret): string | undefined {
  const value = secret.value;
  service.store.consume(secret, 'received');
  return value;
}

/** Harmless but for `?continue=true`, also with HEAD (cases 266 to 271); 0.20 marks the secret viewed. */
function showSecretV2(service: Service, call: Call): Answer {
  if (!service.spend('show_secret', call.identity)) return rateLimitedV2(service);
  const secret = service.store.secret(lookupKey(service, call.key));
  if (secret === undefined) return unknownSecret(call.key);
  const continues = asText(call.params.continue) === 'true';
  const correct = secret.passphrase === '' || asText(call.params.passphrase) === secret.passphrase;
  if (continues && correct) {
    return recordAnswer(service, call, secret, { continues, correct, saved: false, value: consume(service, secret) });
  }
  if (continues && !service.spend('failed_passphrase', call.identity)) return rateLimitedV2(service);
  const saved = service.version === '0.20' && secret.state === 'new';
  if (saved) {
    secret.state = 'viewed';
    secret.updated = seconds(service.now());
  }
  return recordAnswer(service, call, secret, { continues, correct, saved, value: undefined });
}

/** Cases 274 to 287. Without a passphrase to check, `correct_passphrase` is false here. */
function reveal(service: Service, call: Call): Answer {
  if (!service.spend('show_secret', call.identity)) return rateLimitedV2(service);
  const secret = service.store.secret(lookupKey(service, call.key));
  if (secret === undefined) return unknownSecret(call.key);
  const continues = asText(call.params.continue) === 'true';
  const correct = secret.passphrase !== '' && asText(call.params.passphrase) === secret.passphrase;
  if (service.lock.locked(secret.key)) return rateLimitedV2(service);
  if (secret.passphrase !== '' && !correct && continues) {
    service.lock.wrong(secret.key);
    if (!service.spend('failed_passphrase', call.identity)) return rateLimitedV2(service);
    return formErrorV2(service, call, 422, 'Double check that passphrase');
  }
  const value = continues ? consume(service, secret) : undefined;
  return recordAnswer(service, call, secret, { continues, correct, saved: false, value });
}

/** 0.24+: tells the state and changes nothing. */
function secretStatus(service: Service, call: Call): Answer {
  const secret = service.store.secret(lookupKey(service, call.key));
  if (secret === undefined) return json(200, { success: true, record: { state: 'unknown' } });
  const left = Math.round((secret.expiresAtMs - service.now()) / 1000);
  return json(200, { success: true, record: secretV2(secret, 'loaded'), details: { current_expiration: left } });
}
