// What version 2 of the service takes and answers (UPSTREAM.md). Numbers come as numbers or as text, and what is not known
// as null or as empty text: it depends on whether the record was just made or read back.
import { passphrase, recipient, ttl } from './schemas-v1.ts';
import type { Schema } from './types.ts';

const amount = (description: string): Schema => ({ type: ['integer', 'string', 'null'], description });
const text = (description: string): Schema => ({ type: ['string', 'null'], description });
const flag = (description: string): Schema => ({ type: ['boolean', 'null'], description });

const success: Schema = { type: 'boolean', description: 'True.' };
const record = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const secretFields: Readonly<Record<string, Schema>> = {
  identifier: { type: 'string', description: 'Its key.' },
  key: { type: 'string', description: 'Its key: for its reader.' },
  state: { type: 'string', description: '`new`, `viewed`, `received`, `burned`; `unknown` where there is none.' },
  secret_ttl: amount('Seconds.'),
  lifespan: amount('Seconds.'),
  original_size: amount('Characters.'),
  shortkey: text('The first letters of its key.'),
  has_passphrase: flag('Whether a passphrase has to be given.'),
  is_truncated: flag('Whether the value was too long and was cut.'),
  created: amount('Seconds since 1970.'),
  updated: amount('Seconds since 1970.'),
};

const metadataFields: Readonly<Record<string, Schema>> = {
  identifier: { type: 'string', description: 'Its key.' },
  key: { type: 'string', description: 'The metadata key: for its maker.' },
  custid: text('The account that made it; `anon` without one.'),
  state: { type: 'string', description: '`new`, `viewed`, `received`, `burned`, `expired`, `orphaned`.' },
  secret_shortkey: text('The first letters of the secret’s key.'),
  secret_ttl: amount('Seconds.'),
  metadata_ttl: amount('Seconds.'),
  lifespan: amount('Seconds.'),
  share_domain: text('The domain of its link.'),
  created: amount('Seconds since 1970.'),
  updated: amount('Seconds since 1970.'),
  received: amount('When it was retrieved. Seconds since 1970.'),
  burned: amount('When it was burned. Seconds since 1970.'),
  viewed: amount('When its metadata were first looked at. Seconds since 1970.'),
  recipients: text('Whom a mail was sent to, obscured.'),
  is_received: flag('Whether it was retrieved.'),
  is_burned: flag('Whether it was burned.'),
  is_destroyed: flag('Whether it is gone, in whichever way.'),
};

const linkFields: Readonly<Record<string, Schema>> = {
  secret_key: text('The secret’s key, in the first look.'),
  secret_state: text('How the secret itself stands.'),
  share_url: text('The region’s page that shows the secret.'),
  metadata_url: text('The region’s page for its maker.'),
  burn_url: text('The region’s page that burns it.'),
};

const payload = (required: readonly string[], properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  required: ['secret'],
  properties: { secret: { type: 'object', required, properties } },
});

const envelope = (description: string, name: string, details: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  description,
  required: ['success', 'record'],
  properties: { success, record: record(name), details: { type: 'object', properties: details } },
});

const consent: Schema = { type: 'boolean', const: true, description: 'That it is meant: without it nothing happens.' };

export const SCHEMAS_V2: Readonly<Record<string, Schema>> = {
  Version: {
    type: 'object',
    required: ['version'],
    properties: { version: { type: 'array', items: { type: 'string' } }, locale: { type: 'string' } },
    examples: [{ version: ['0', '20', '4'], locale: 'en' }],
  },
  Locales: {
    type: 'object',
    required: ['locales'],
    properties: {
      locales: { type: 'array', items: { type: 'string' } },
      default_locale: { type: 'string' },
      locale: { type: 'string' },
    },
    examples: [{ locales: ['en'], default_locale: 'en', locale: 'en' }],
  },
  ConcealRequest: {
    ...payload(['secret'], {
      secret: { type: 'string', minLength: 1, description: 'What is to be shared.' },
      passphrase,
      ttl,
      recipient,
    }),
    examples: [{ secret: { secret: 'a value to share', ttl: 3600 } }],
  },
  GenerateRequest: { ...payload([], { passphrase, ttl, recipient }), examples: [{ secret: { ttl: 3600 } }] },
  RevealRequest: {
    type: 'object',
    required: ['continue'],
    properties: {
      continue: consent,
      passphrase: { type: 'string', description: 'Of the secret, where it has one.' },
    },
    examples: [{ continue: true }],
  },
  SecretRecord: {
    type: 'object',
    description: 'A secret, without its value until it is revealed.',
    required: ['state'],
    properties: {
      ...secretFields,
      secret_value: { type: 'string', description: 'The secret itself. Shown this once.' },
    },
  },
  MetadataRecord: {
    type: 'object',
    description: 'What its maker may know of a secret.',
    required: ['key', 'state'],
    properties: { ...metadataFields, ...linkFields },
  },
  Concealed: {
    type: 'object',
    description: 'A secret was made.',
    required: ['success', 'record'],
    properties: {
      success,
      custid: text('The account that made it; `anon` without one.'),
      record: {
        type: 'object',
        required: ['metadata', 'secret'],
        properties: { metadata: record('MetadataRecord'), secret: record('SecretRecord') },
      },
      details: { type: 'object' },
    },
  },
  Shown: envelope('What is known of a secret. It was not used up.', 'SecretRecord', {
    show_secret: flag('Whether the value is in this answer: false.'),
    correct_passphrase: flag('Whether the passphrase that was sent is right.'),
    current_expiration: amount('How long it lives on. Seconds.'),
  }),
  Revealed: envelope('The secret: `record.secret_value`. It is gone now.', 'SecretRecord', {
    show_secret: flag('Whether the value is in this answer.'),
    correct_passphrase: flag('Whether the passphrase that was sent is right.'),
  }),
  MetadataShown: envelope('What its maker may know of a secret.', 'MetadataRecord', {
    secret_value: text('The secret itself, while it is new.'),
    has_passphrase: flag('Whether a passphrase has to be given.'),
    secret_realttl: amount('How long it lives on. Seconds.'),
  }),
  MetadataBurned: envelope('The secret was destroyed unread.', 'MetadataRecord', {}),
  MetadataRecords: {
    type: 'object',
    description: 'The account’s latest secrets, without the keys that would retrieve them.',
    required: ['records'],
    properties: {
      success,
      custid: text('The account.'),
      count: { type: 'integer' },
      records: { type: 'array', items: record('MetadataRecord') },
      details: { type: 'object' },
    },
  },
};
