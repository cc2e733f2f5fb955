// The section `audit`: what it takes, what it refuses, and that no two files are one.
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { errorsOf, REGIONS } from './support.ts';

const auditOf = (section: string) => parseConfig(`audit: ${section}\n${REGIONS}`, '/etc/gw/gateway.yaml', {}).audit;

describe('audit', () => {
  it('has paths that start at the folder of the file', () => {
    expect(auditOf('{ file: logs/a.jsonl, key: /run/keys/audit }')).toMatchObject({
      file: '/etc/gw/logs/a.jsonl',
      keyFile: '/run/keys/audit',
    });
    expect(auditOf('{}')).toMatchObject({ file: '/etc/gw/data/audit.jsonl', keyFile: '/etc/gw/data/audit.key' });
  });

  it.each(['{ file: null }', '{ file: "" }', '{ file: "null" }', '{ file: ~, flush: 1s }'])(
    'is off with %s',
    (section) => {
      expect(auditOf(section)).toBeUndefined();
    },
  );

  it('keeps files for longer than any timer waits', () => {
    expect(auditOf('{ keep: 3650d }')?.keepMs).toBe(3650 * 86_400_000);
  });

  it.each([
    [
      '{ file: data/ }',
      'audit.file: found "data/", expected the path of a file, such as data/audit.jsonl, or null for none',
    ],
    ['{ file: 7 }', 'audit.file: found 7, expected the path of a file, such as data/audit.jsonl, or null for none'],
    ['{ key: ~/audit.key }', 'audit.key: found "~/audit.key", expected the path of a file, such as data/audit.key'],
    ['{ key: null }', 'audit.key: found nothing, expected the path of a file, such as data/audit.key'],
    ['{ flush: 200 }', 'audit.flush: found 200, expected a duration with its unit'],
    ['{ heads: 0s }', 'audit.heads: found "0s", expected a duration from 1ms to 24d'],
    ['{ keep: forever }', 'audit.keep: found "forever", expected a duration with its unit, such as 12h or 400d'],
    ['{ keep: 40000d }', 'audit.keep: found "40000d", expected a duration from 1ms to 36500d'],
    ['{ onFailure: ignore }', 'audit.onFailure: found "ignore", expected one of refuse, continue'],
    ['{ rotate: { size: 2GB } }', 'audit.rotate.size: found "2GB", expected a size with its unit'],
    ['{ rotate: { every: week } }', 'audit.rotate.every: found "week", expected one of day, hour, never'],
    ['{ compress: gzip }', 'audit.compress: found "gzip", expected true or false'],
    ['off', 'audit: found "off", expected a map with the keys file, key,'],
    ['{ path: x }', 'audit.path: found an unknown key, expected one of the keys file, key,'],
  ])('refuses %s', (section, says) => {
    const errors = errorsOf(`audit: ${section}\n${REGIONS}`);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(says);
  });

  it.each([
    ['audit: { file: data/audit.key }', 'audit.file', 'audit.file and audit.key'],
    ['audit: { key: data/audit.jsonl }', 'audit.key', 'audit.file and audit.key'],
    ['audit: { file: ./data/gateway.db }', 'audit.file', 'store and audit.file'],
    ['audit: { key: data/identity.key }', 'audit.key', 'identityKey and audit.key'],
    ['identityKey: data/audit.key', 'identityKey', 'identityKey and audit.key'],
    ['store: sqlite:data/audit.jsonl', 'store', 'store and audit.file'],
  ])('and other files are not the same: %s', (section, key, which) => {
    const errors = errorsOf(`${section}\n${REGIONS}`);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(new RegExp(`: ${key}: found .*, expected another file: ${which} would be the same$`));
  });

  it('does not mind the same path where it is off', () => {
    const text = `audit: { file: null }\nstore: sqlite:data/audit.jsonl\n${REGIONS}`;
    expect(errorsOf(text)).toEqual([]);
    expect(parseConfig(text, 'g.yaml', {}).store).toEqual({ kind: 'sqlite', path: resolve('data/audit.jsonl') });
  });
});
