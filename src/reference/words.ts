// What is said of each route: its sentences, and which schemas stand for what it takes and answers.
import type { Route } from '../domain.ts';

/** A body of a request, in the media types in which it may come. */
export interface Taken {
  readonly schema: string;
  readonly as: 'form' | 'json';
  readonly required: boolean;
}

export interface Words {
  readonly tag: Tag;
  readonly summary: string;
  readonly description: string;
  readonly takes?: Taken;
  /** The schema of its 200, in JSON. */
  readonly answers: string;
  readonly deprecated?: true;
}

export const TAGS = {
  Status: 'Whether the service is there, and whether credentials are good. Nothing changes.',
  'Secrets, version 1': 'Making and retrieving secrets. Parameters come as a form.',
  'Metadata, version 1': 'What the maker of a secret may know of it, and burning it. For accounts.',
  'Secrets, version 2': 'The same in JSON.',
  'Metadata, version 2': 'The same in JSON. For accounts.',
  Pages: 'For browsers and tools.',
} as const;
export type Tag = keyof typeof TAGS;

const MAKES =
  'Of a call without an account the region has to be told, unless the gateway has one configured for it. Send the parameters ' +
  'in the body: what stands in a URL is logged on its way.';
const ONCE = 'Whoever calls first gets it, and nobody after. A wrong passphrase does not use it up.';
const LOOKS =
  'The first look at a new secret may show its value, once, and marks it as viewed. Another account’s key is answered like an ' +
  'unknown one.';
const ALL = 'The list is the account’s in one region: name another with `Onetime-Region` where it has one there, too.';
const BURNS = 'The secret is destroyed without being read.';

const form = (schema: string, required = false): Taken => ({ schema, as: 'form', required });
const json = (schema: string): Taken => ({ schema, as: 'json', required: true });

const SECRETS_1 = 'Secrets, version 1';
const METADATA_1 = 'Metadata, version 1';
const SECRETS_2 = 'Secrets, version 2';
const METADATA_2 = 'Metadata, version 2';

/** By route id; aliases have those of `private`. */
const WORDS: Readonly<Record<string, Words>> = {
  'v1.status': {
    tag: 'Status',
    summary: 'Ask for the status',
    description: 'Without credentials and without a region the gateway answers for itself.',
    answers: 'Nominal',
  },
  'v1.authcheck': {
    tag: 'Status',
    summary: 'Check credentials',
    description: 'Answers 200 when they are good, 401 when they are not.',
    answers: 'Nominal',
  },
  'v1.share': {
    tag: SECRETS_1,
    summary: 'Share a secret',
    description: `Makes a secret of a value of yours. ${MAKES}`,
    takes: form('ShareForm', true),
    answers: 'Made',
  },
  'v1.create': {
    tag: SECRETS_1,
    summary: 'Share a secret, by an older name',
    description:
      'As `share`, for old clients. Releases 0.20 of the service want each field within `secret`, as in ' +
      `\`secret[secret]=hello\`, newer ones the fields as they are. ${MAKES}`,
    takes: form('ShareForm', true),
    answers: 'Made',
    deprecated: true,
  },
  'v1.generate': {
    tag: SECRETS_1,
    summary: 'Generate a secret',
    description: `Makes a secret of a random value, which is in the answer. ${MAKES}`,
    takes: form('GenerateForm'),
    answers: 'Made',
  },
  'v1.secret': {
    tag: SECRETS_1,
    summary: 'Retrieve a secret',
    description: `Returns the value and destroys it. ${ONCE}`,
    takes: form('PassphraseForm'),
    answers: 'Retrieved',
  },
  'v1.private.recent': {
    tag: METADATA_1,
    summary: 'List the latest secrets',
    description: ALL,
    answers: 'MetadataList',
  },
  'v1.private': { tag: METADATA_1, summary: 'Look at metadata', description: LOOKS, answers: 'Metadata' },
  'v1.private.burn': {
    tag: METADATA_1,
    summary: 'Burn a secret',
    description: BURNS,
    takes: form('PassphraseForm'),
    answers: 'Burned',
  },
  'v2.status': {
    tag: 'Status',
    summary: 'Ask for the status',
    description: 'Without credentials and without a region the gateway answers for itself.',
    answers: 'Nominal',
  },
  'v2.version': {
    tag: 'Status',
    summary: 'Ask for the version of the service',
    description: 'Regions may run different ones.',
    answers: 'Version',
  },
  'v2.supported-locales': {
    tag: 'Status',
    summary: 'List the languages',
    description: 'Of the service’s own pages and mails.',
    answers: 'Locales',
  },
  'v2.conceal': {
    tag: SECRETS_2,
    summary: 'Share a secret',
    description: `Makes a secret of a value of yours. ${MAKES}`,
    takes: json('ConcealRequest'),
    answers: 'Concealed',
  },
  'v2.generate': {
    tag: SECRETS_2,
    summary: 'Generate a secret',
    description: `Makes a secret of a random value. ${MAKES}`,
    takes: json('GenerateRequest'),
    answers: 'Concealed',
  },
  'v2.secret': {
    tag: SECRETS_2,
    summary: 'Ask about a secret',
    description: 'Says whether it is there and needs a passphrase. It is not used up; `?continue` is refused here.',
    answers: 'Shown',
  },
  'v2.secret.status': {
    tag: SECRETS_2,
    summary: 'Ask for the state of a secret',
    description: 'Release 0.24 and newer of the service. It is not used up; `?continue` is refused here.',
    answers: 'Shown',
  },
  'v2.reveal': {
    tag: SECRETS_2,
    summary: 'Retrieve a secret',
    description: `Returns the value and destroys it. ${ONCE}`,
    takes: json('RevealRequest'),
    answers: 'Revealed',
  },
  'v2.private.recent': {
    tag: METADATA_2,
    summary: 'List the latest secrets',
    description: ALL,
    answers: 'MetadataRecords',
  },
  'v2.private': { tag: METADATA_2, summary: 'Look at metadata', description: LOOKS, answers: 'MetadataShown' },
  'v2.private.burn': {
    tag: METADATA_2,
    summary: 'Burn a secret',
    description: BURNS,
    takes: json('RevealRequest'),
    answers: 'MetadataBurned',
  },
  'link.secret': {
    tag: 'Pages',
    summary: 'Follow a link to a secret',
    description:
      'For people with a browser: leads to the page of the region that holds the secret, which asks before it reveals ' +
      'anything. Where nothing tells the region, a page offers them. The secret is not used up.',
    answers: '',
  },
  'reference.openapi': {
    tag: 'Pages',
    summary: 'Get this document',
    description: 'OpenAPI 3.1, made from the table of routes.',
    answers: '',
  },
  'reference.docs': {
    tag: 'Pages',
    summary: 'Read this document',
    description: 'A page made from the document. It needs no script and nothing from another host.',
    answers: '',
  },
};

const ALIAS = /^(v[12])\.(metadata|receipt)(?=\.|$)/;

/** The id under which the route is described: its own, or that of the path for which it is another name. */
export function mainIdOf({ id }: Route): string {
  return id.replace(ALIAS, '$1.private');
}

/** @throws Error for a route that nobody has described: a defect that a test finds */
export function wordsOf(route: Route): Words {
  const alias = ALIAS.exec(route.id);
  const words = WORDS[mainIdOf(route)];
  if (words === undefined) throw new Error(`nothing is said of the route ${route.id}`);
  if (alias === null) return words;
  const summary = `${words.summary}, by ${alias[2] === 'metadata' ? 'an older' : 'a newer'} name`;
  return { ...words, summary, description: `The same as under \`private\`. ${words.description}` };
}
