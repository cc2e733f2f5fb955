// The part of the schema that is about accounts: who says where they live.
import { z } from 'zod';
import type { RegionName } from '../domain.ts';
import { readSourceUrl, SOURCE_URL } from './addresses.ts';
import { duration, flag, hidden, list, oneOf, regionRef, section, text, wordOrRegion } from './fields.ts';
import { ACCOUNT, DOMAIN, readAccount, readDomain } from './names.ts';
import { readPath, SOURCE_FILE } from './paths.ts';
import type { AccountRule, UnknownAccount } from './types.ts';

/** Defaults, as they are written. */
export const SOURCE_AGES = { refresh: '5m', expire: '24h' } as const;
const TOKEN = 'a token of printable characters, at most 4096';

const rule = (names: readonly string[]) =>
  section({
    account: hidden(
      text(ACCOUNT, readAccount).optional().describe('The account of this name (either account or domain).'),
    ),
    domain: text(DOMAIN, readDomain).optional().describe('All accounts of this mail domain, without subdomains.'),
    region: regionRef(names).describe('The region where they live.'),
    pinned: flag().prefault(true).describe('Whether their requests may reach their own regions only.'),
    also: list('regions', regionRef(names))
      .prefault([])
      .describe('Other regions where they have an account too, which their calls may name.'),
  }).transform(({ account, domain = '', also, ...facts }): AccountRule => {
    // that exactly one of the two is given is checked in checks.ts
    return { ...(account === undefined ? { domain } : { account }), ...facts, also: [...new Set(also)] };
  });

const sourceKeys = (folder: string) => ({
  url: text(SOURCE_URL, readSourceUrl).describe('Asked with ?account=NAME. https, or http on this machine.'),
  token: hidden(
    z
      // Empty where a variable is: none.
      .preprocess(
        (token) => (token === '' ? undefined : token),
        z
          .string({ error: TOKEN })
          .regex(/^[\x21-\x7e]{1,4096}$/, { error: TOKEN })
          .optional(),
      )
      .optional()
      .describe('Sent as Authorization: Bearer. Take it from the environment.'),
  ),
  timeout: duration().prefault('2s').describe('How long an answer may take.'),
  refresh: duration()
    .prefault(SOURCE_AGES.refresh)
    .describe('From this age on an answer is asked for anew, and used meanwhile.'),
  expire: duration().prefault(SOURCE_AGES.expire).describe('From this age on an answer is no longer used.'),
  negative: duration().prefault('30s').describe('How long it is remembered that nobody of a name is known.'),
  file: text(SOURCE_FILE, (path) => readPath(path, folder, SOURCE_FILE))
    .prefault('data/accounts-source')
    .describe('Where the last good answers are kept, by hashes of the names.'),
});

const source = (folder: string) =>
  section(sourceKeys(folder)).transform(
    ({ timeout: timeoutMs, refresh: refreshMs, expire: expireMs, negative: negativeMs, ...others }) => ({
      timeoutMs,
      refreshMs,
      expireMs,
      negativeMs,
      ...others,
    }),
  );

export const accounts = (names: readonly string[], folder: string) =>
  section({
    order: list('directory, source and rules, each at most once', oneOf(['directory', 'source', 'rules']), 1)
      .prefault(['directory', 'source', 'rules'])
      .describe('Who is asked where an account lives, in this order; the first one that knows it decides.'),
    lease: duration()
      .prefault('5m')
      .describe('How long known accounts are served from memory while the store is away; so long a move may wait.'),
    source: source(folder).optional().describe('A directory of your own that is asked over HTTP.'),
    unknown: wordOrRegion(['refuse', 'named'], names)
      .transform(readUnknown)
      .prefault('refuse')
      .describe(
        'Accounts without a rule: refuse them, send them where the caller names a region (named), or to a region.',
      ),
    rules: list('rules', rule(names)).prefault([]).describe('Where accounts live. The first rule that matches wins.'),
  }).transform(({ lease: leaseMs, ...others }) => ({ leaseMs, ...others }));

function readUnknown(word: string): UnknownAccount {
  return word === 'refuse' || word === 'named' ? { kind: word } : { kind: 'region', region: word as RegionName };
}
