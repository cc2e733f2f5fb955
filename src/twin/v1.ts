// Version 1 of the API: its routes and what each does.
import { type Answer, json, unknownSecret, withHeaders } from './answer.ts';
import { type Created, createSecret, type PayloadShape } from './create.ts';
import { look, metadataV1 } from './metadata.ts';
import { asText } from './params.ts';
import { linkOrigin } from './paths.ts';
import { type Call, lookupKey, ownerName, type Service } from './service.ts';

export interface RouteV1 {
  readonly methods: readonly string[];
  /** Segments after the prefix; `:key` stands for one. */
  readonly path: string;
  /** Only this version has it. */
  readonly only?: '0.26';
  readonly anonymous: boolean;
  readonly handle: (service: Service, call: Call) => Answer;
}

/** UPSTREAM.md, "Version 1 of the API". HEAD is answered wherever GET is. First match wins. */
export const ROUTES_V1: readonly RouteV1[] = [
  { methods: ['GET'], path: '/status', anonymous: true, handle: status },
  { methods: ['GET'], path: '/authcheck', anonymous: false, handle: status },
  { methods: ['POST'], path: '/share', anonymous: true, handle: create('flat', 'share') },
  { methods: ['POST'], path: '/create', anonymous: true, handle: create('nested', 'share') },
  { methods: ['POST'], path: '/generate', anonymous: true, handle: create('flat', 'generate') },
  { methods: ['POST'], path: '/secret/:key', anonymous: true, handle: showSecret },
  { methods: ['GET'], path: '/private/recent', anonymous: false, handle: recent },
  { methods: ['GET'], path: '/metadata/recent', anonymous: false, handle: recent },
  { methods: ['GET'], path: '/receipt/recent', only: '0.26', anonymous: false, handle: recent },
  { methods: ['GET', 'POST'], path: '/private/:key', anonymous: true, handle: showMetadata },
  { methods: ['GET', 'POST'], path: '/metadata/:key', anonymous: true, handle: showMetadata },
  { methods: ['GET', 'POST'], path: '/receipt/:key', only: '0.26', anonymous: true, handle: showMetadata },
  { methods: ['POST'], path: '/private/:key/burn', anonymous: true, handle: burn },
  { methods: ['POST'], path: '/metadata/:key/burn', only: '0.26', anonymous: true, handle: burn },
  { methods: ['POST'], path: '/receipt/:key/burn', only: '0.26', anonymous: true, handle: burn },
];

/** 0.25+ says in a header what the status should have been (UPSTREAM.md, "Answers"). */
function intended(service: Service, answer: Answer, statusMeant: '400' | '401'): Answer {
  return service.version === '0.20' ? answer : withHeaders(answer, [['X-OTS-Intended-Status', statusMeant]]);
}

export function notAuthorizedV1(service: Service): Answer {
  return intended(service, json(404, { message: 'Not authorized' }), '401');
}

export function rateLimitedV1(service: Service): Answer {
  const message =
    service.version === '0.20' ? 'Cripes! You have been rate limited.' : 'Rate limit exceeded. Please try again later.';
  return json(404, { message });
}

/** A form that is turned down: 404 with a fresh shrimp in 0.20 (case 030-share-anon-empty). */
function invalidForm(service: Service, call: Call, message: string): Answer {
  const shrimp = service.version === '0.20' ? { shrimp: service.shrimp(call.caller) } : {};
  return intended(service, json(404, { ...shrimp, message }), '400');
}

function status(service: Service, call: Call): Answer {
  if (!service.spend('check_status', call.identity)) return rateLimitedV1(service);
  return json(200, { status: 'nominal', locale: 'en' });
}

function create(shape: PayloadShape, kind: 'share' | 'generate'): RouteV1['handle'] {
  return (service, call) => {
    // 0.26 reads the same flat fields at all three routes.
    const actual = service.version === '0.26' ? 'flat' : shape;
    const created: Created = createSecret(service, call.caller, call.identity, call.params, actual, kind);
    if (created.kind === 'rate_limited') return rateLimitedV1(service);
    if (created.kind === 'invalid') return invalidForm(service, call, created.message);
    const { secret, metadata } = created.pair;
    const value = kind === 'generate' ? created.value : undefined;
    const answer = json(200, metadataV1(service, metadata, linkOrigin(service, call.received), { secret, value }));
    // The creator has seen it now: 0.20 marks the metadata, after the answer was written (case 180).
    if (kind === 'generate' && service.version === '0.20') look(service, metadata);
    return answer;
  };
}

/** 0.25+ turns away what is too short to be a key. */
function tooShort(service: Service, call: Call): boolean {
  return service.version === '0.26' && call.key.length < 20;
}

function showSecret(service: Service, call: Call): Answer {
  if (tooShort(service, call)) return json(404, { message: 'Not Found' });
  if (!service.spend('show_secret', call.identity)) return rateLimitedV1(service);
  const secret = service.store.secret(lookupKey(service, call.key));
  if (secret?.value === undefined) return unknownSecret(call.key);
  if (secret.passphrase !== '') {
    if (service.lock.locked(secret.key)) return rateLimitedV1(service);
    const given = asText(call.params.passphrase);
    if (given !== secret.passphrase) {
      // To send none is no attempt.
      if (given !== '') service.lock.wrong(secret.key);
      const allowed = service.spend('failed_passphrase', call.identity);
      return allowed ? unknownSecret(call.key) : rateLimitedV1(service);
    }
    service.lock.right(secret.key);
  }
  const value = secret.value;
  service.store.consume(secret, 'received');
  // Consumed before the answer is written, and bytes that are not UTF-8 cannot be written (case 145).
  if (!value.isWellFormed()) return invalidForm(service, call, 'An unexpected error occurred :[');
  return json(200, { value, secret_key: call.key, share_domain: linkOrigin(service, call.received) });
}

function showMetadata(service: Service, call: Call): Answer {
  if (tooShort(service, call)) return json(404, { message: 'Not Found' });
  if (!service.spend('show_metadata', call.identity)) return rateLimitedV1(service);
  const metadata = service.store.metadata(lookupKey(service, call.key));
  if (metadata === undefined) return unknownSecret(call.key);
  const { secret, value } = look(service, metadata);
  if (value?.isWellFormed() === false) return invalidForm(service, call, 'An unexpected error occurred :[');
  return json(200, metadataV1(service, metadata, linkOrigin(service, call.received), { secret, value }));
}

function burn(service: Service, call: Call): Answer {
  if (tooShort(service, call)) return json(404, { message: 'Not Found' });
  if (!service.spend('burn_secret', call.identity)) return rateLimitedV1(service);
  const metadata = service.store.metadata(lookupKey(service, call.key));
  const secret = metadata && service.store.secret(metadata.secretKey);
  if (metadata === undefined || secret === undefined) return unknownSecret(call.key);
  if (!service.spend('attempt_secret_access', call.identity)) return rateLimitedV1(service);
  if (secret.passphrase !== '' && asText(call.params.passphrase) !== secret.passphrase) {
    if (!service.spend('failed_passphrase', call.identity)) return rateLimitedV1(service);
    return invalidForm(service, call, 'Double check that passphrase');
  }
  // The answer tells the state from before (case 191-burn-owner).
  const state = metadataV1(service, metadata, linkOrigin(service, call.received), {});
  service.store.consume(secret, 'burned');
  return json(200, { state, secret_shortkey: metadata.secretShortKey });
}

function recent(service: Service, call: Call): Answer {
  const origin = linkOrigin(service, call.received);
  const list = service.store.recent(ownerName(call.caller));
  return json(
    200,
    list.map((metadata) => metadataV1(service, metadata, origin, { listed: true })),
  );
}
