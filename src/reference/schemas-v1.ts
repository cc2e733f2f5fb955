// What version 1 of the service takes and answers (UPSTREAM.md). Answers may hold more than is named here: releases differ.
import type { Schema } from './types.ts';

const KEY = '3f8k2n0q7w5e1r9t4y6u8i0o2p4a6s8';
const OTHER_KEY = '1b9d7g5j3l2z4x6c8v0n1m3q5w7e9r2';
const MADE_AT = 1_795_388_881;

const seconds = (description: string): Schema => ({ type: 'integer', description: `${description} Seconds.` });
const moment = (description: string): Schema => ({
  type: 'integer',
  description: `${description} Seconds since 1970.`,
});
export const passphrase: Schema = {
  type: 'string',
  description: 'Whoever retrieves or burns the secret has to give it. It is not stored in the clear.',
};
export const ttl: Schema = {
  type: 'integer',
  minimum: 1,
  description:
    'How long the secret is kept, in seconds. The service moves it into its own bounds without a word; 7 days when left out.',
};
export const recipient: Schema = {
  type: 'string',
  description: 'An e-mail address to which the service sends the link. Needs an account.',
};
const shareDomain: Schema = { type: 'string', description: 'A domain of the account, for the link.' };

const metadataFields: Readonly<Record<string, Schema>> = {
  custid: { type: 'string', description: 'The account that made it; `anon` without one.' },
  metadata_key: { type: 'string', description: 'For its maker: tells of the secret, and burns it.' },
  secret_key: { type: 'string', description: 'For its reader: retrieves the secret, once. Empty when it is gone.' },
  ttl: seconds('How long it was to be kept.'),
  metadata_ttl: seconds('How long the metadata live on.'),
  secret_ttl: {
    type: ['integer', 'null'],
    description: 'How long the secret lives on. Seconds; null when it is gone.',
  },
  state: { type: 'string', description: '`new`, `viewed`, `received`, `burned`, `expired`, `orphaned`.' },
  created: moment('When it was made.'),
  updated: moment('When that last changed.'),
  received: moment('When it was retrieved.'),
  recipient: { type: 'array', items: { type: 'string' }, description: 'Whom a mail was sent to, obscured.' },
  share_domain: { type: ['string', 'null'], description: 'The domain of its link.' },
  passphrase_required: { type: 'boolean', description: 'Whether a passphrase has to be given.' },
};
const METADATA_REQUIRED = ['metadata_key', 'ttl', 'metadata_ttl', 'state', 'created', 'updated'];
const METADATA_EXAMPLE = {
  custid: 'ann@corp.example',
  metadata_key: OTHER_KEY,
  secret_key: KEY,
  ttl: 3600,
  metadata_ttl: 7200,
  secret_ttl: 3600,
  state: 'new',
  updated: MADE_AT,
  created: MADE_AT,
  recipient: [],
  share_domain: '',
  passphrase_required: false,
};
const { secret_key: _hidden, passphrase_required: _left, ...LISTED_EXAMPLE } = METADATA_EXAMPLE;

const value: Schema = {
  type: 'string',
  description: 'The secret itself. Shown this once.',
};

export const SCHEMAS_V1: Readonly<Record<string, Schema>> = {
  Nominal: {
    type: 'object',
    description: 'All is well: the service answers, and credentials that were sent are good.',
    required: ['status'],
    properties: { status: { type: 'string', const: 'nominal' }, locale: { type: 'string' } },
    examples: [{ status: 'nominal', locale: 'en' }],
  },
  ShareForm: {
    type: 'object',
    required: ['secret'],
    properties: {
      secret: {
        type: 'string',
        minLength: 1,
        description: 'What is to be shared: text, up to 100,000 characters (newer releases of the service: 10,000).',
      },
      passphrase,
      ttl,
      recipient,
      share_domain: shareDomain,
    },
    examples: [{ secret: 'a value to share', ttl: 3600, passphrase: 'correct horse' }],
  },
  GenerateForm: {
    type: 'object',
    properties: { passphrase, ttl, recipient, share_domain: shareDomain },
    examples: [{ ttl: 3600 }],
  },
  PassphraseForm: {
    type: 'object',
    properties: { passphrase: { type: 'string', description: 'Of the secret, where it has one.' } },
    examples: [{ passphrase: 'correct horse' }],
  },
  Made: {
    type: 'object',
    description: 'A secret was made.',
    required: [...METADATA_REQUIRED, 'secret_key'],
    properties: { ...metadataFields, value: { ...value, description: 'What was generated.' } },
    examples: [METADATA_EXAMPLE],
  },
  Retrieved: {
    type: 'object',
    description: 'The secret. It is gone now.',
    required: ['value', 'secret_key'],
    properties: {
      value,
      secret_key: { type: 'string' },
      share_domain: { type: ['string', 'null'], description: 'Where the region has its own pages.' },
    },
    examples: [{ value: 'a value to share', secret_key: KEY, share_domain: 'https://eu.onetimesecret.com' }],
  },
  Metadata: {
    type: 'object',
    description: 'What its maker may know of a secret.',
    required: METADATA_REQUIRED,
    properties: {
      ...metadataFields,
      value: { ...value, description: 'The secret itself, in the very first look at a new one only.' },
    },
    examples: [METADATA_EXAMPLE],
  },
  MetadataList: {
    type: 'array',
    description: 'The account’s latest secrets, without the keys that would retrieve them.',
    items: {
      type: 'object',
      required: METADATA_REQUIRED,
      properties: Object.fromEntries(Object.entries(metadataFields).filter(([name]) => name !== 'secret_key')),
    },
    examples: [[LISTED_EXAMPLE]],
  },
  Burned: {
    type: 'object',
    description: 'The secret was destroyed unread. `state` is how it stood before.',
    required: ['state', 'secret_shortkey'],
    properties: {
      state: { $ref: '#/components/schemas/Metadata' },
      secret_shortkey: { type: 'string', description: 'The first letters of its key.' },
    },
    examples: [{ state: METADATA_EXAMPLE, secret_shortkey: KEY.slice(0, 6) }],
  },
};
