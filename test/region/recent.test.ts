// The list of recent secrets, in every form that a version of the service could give it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withoutSecretKeys } from '../../src/region/recent.ts';

const S = '2drpss1g95xxdb0icie7kc6kdmplyix';
const M = '4mhroyabdj1cnjwz9xzurot4ss1uyne';
const LONG = 'a1'.repeat(31);

const prune = (value: unknown): string => withoutSecretKeys(Buffer.from(JSON.stringify(value)))?.toString() ?? '';

describe('no secret key stays', () => {
  it.each([
    ['0.20', [{ metadata_key: M, secret_key: S, ttl: 3600 }]],
    ['0.24', [{ metadata_key: M, secret_identifier: S }]],
    ['62 characters', [{ metadata_identifier: M, secret_identifier: LONG }]],
    ['nested under secret', [{ key: M, secret: { key: S, identifier: S } }]],
    ['as v2 conceal has it', { records: [{ metadata: { key: M }, secret: { key: S } }] }],
    ['within a value', [{ metadata_key: M, secret_dbkey: `secret:${S}:object` }]],
    ['within a path', [{ metadata_key: M, share_path: `secret/${S}` }]],
    ['within a link', [{ metadata_key: M, share_url: `https://us.example/incoming?secret=${S}` }]],
    ['as a property’s name', { secrets: { [S]: { state: 'new' } }, metadata_key: M }],
    ['under a name that nobody knows', [{ metadata_key: M, sid: S }]],
    ['in a list', [{ metadata_key: M, secret_keys: [S, S] }]],
    ['again under a harmless name', [{ metadata_key: M, secret_key: S, memo: `see ${S}` }]],
  ])('%s', (_form, list) => {
    const text = prune(list);
    expect(text).not.toMatch(new RegExp(`${S}|${LONG}`));
    expect(text).toContain(M);
  });

  it('a member that comes twice', () => {
    const body = Buffer.from(`[{"metadata_key":"${M}","secret_key":"${S}","secret_key":null}]`);
    expect(withoutSecretKeys(body)?.toString()).toBe(`[{"metadata_key":"${M}","secret_key":null}]`);
  });

  it('anywhere in any JSON, once it stands under a name with secret (property)', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (before, after) => {
        expect(prune([{ before, my_secret_thing: { deep: [S] }, after, again: S }])).not.toContain(S);
      }),
    );
  });
});

describe('what clients need stays', () => {
  it.each([
    ['the metadata’s key under every name', [{ id: M, key: M, identifier: M, receipt_id: M, state: 'new' }]],
    [
      'numbers and flags about the secret',
      [{ metadata_key: M, secret_ttl: 3600, has_secret: true, secret_shortkey: '2drpss' }],
    ],
    [
      'texts that only look a little like keys',
      [
        {
          metadata_key: M,
          custid: 'ur1234567890abcdefghijklmno',
          memo: 'prod-database-root-password',
          owner: 'a.very.long.name@corp.example',
        },
      ],
    ],
  ])('%s: the very bytes', (_what, list) => {
    const body = Buffer.from(JSON.stringify(list));
    expect(withoutSecretKeys(body)).toBe(body);
  });

  it('the metadata’s key beside a secret’s under other names', () => {
    expect(JSON.parse(prune([{ receipt_id: M, metadata_key: M, secret_key: S }]))).toEqual([
      { receipt_id: M, metadata_key: M },
    ]);
  });
});

it('what is no JSON cannot be vouched for', () => {
  expect(withoutSecretKeys(Buffer.from('<html>'))).toBeUndefined();
});
