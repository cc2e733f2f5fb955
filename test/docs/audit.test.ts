// docs/audit.md: its commands run as they stand, in order; its configuration is the default; its tables are the code's.
import { chmodSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, it } from 'vitest';
import { headMessage } from '../../src/audit/head.ts';
import { AUDIT_KINDS, parseRecord } from '../../src/audit/record.ts';
import { parseConfig } from '../../src/config/load.ts';
import { requestInside } from '../audit/support.ts';
import { openAuditFolder } from '../cli/audit-support.ts';
import { blocksOf, inCode, readDocument, rowsOf } from '../support/markdown.ts';
import { ROOT, run } from '../support/process.ts';

const document = readDocument('docs/audit.md');
const commands = blocksOf(document, 'sh').flatMap((block) => block.trim().split('\n'));

const PRINTED: Readonly<Record<string, RegExp>> = {
  'audit verify --config': /^good: 15 records in 3 files$/m,
  'audit tail': /^(\S+ +\d+ {2}\w.*\n){5}$/,
  'audit key': /^$/,
  'audit head': /^$/,
  'audit verify --head': /^held to +head file, given head$/m,
  '--to 2026-04-01 --config': /^No request of this account was sent outside eu between /m,
  '--format': /^$/,
};

it('has commands that run, one after the other', async () => {
  using made = await openAuditFolder();
  const command = made.folder.write(
    'onetime-gateway',
    `#!/bin/sh\nexec "${process.execPath}" "${ROOT}src/main.ts" "$@"\n`,
  );
  chmodSync(command, 0o755);
  const env = { PATH: `${made.folder.path}${delimiter}${process.env.PATH}`, GATEWAY_IDENTITY_KEY: undefined };
  expect(commands.length).toBeGreaterThan(6);
  for (const line of commands) {
    const { code, stdout, stderr } = await run('bash', ['-c', line], { cwd: made.folder.path, env });
    expect({ line, code, stderr: code === 0 ? '' : stderr }).toEqual({ line, code: 0, stderr: '' });
    const [, printed] = Object.entries(PRINTED).find(([part]) => line.includes(part)) ?? [];
    expect(stdout, line).toMatch(printed ?? /never/);
  }
  const written = (name: string): string => readFileSync(join(made.folder.path, name), 'utf8');
  expect(written('ann.csv').split('\r\n')).toHaveLength(8);
  expect(written('ann.html')).toContain('No request of this account was sent outside eu');
  expect(written('audit-key.txt')).toMatch(/^fingerprint {2}[0-9a-f]{64}$/m);
}, 90_000);

it('shows the defaults', () => {
  const regions = 'regions: { eu: { upstreams: ["https://eu.example"] } }\n';
  const [section = ''] = blocksOf(document, 'yaml');
  expect(parseConfig(`${section}${regions}`, 'g.yaml', {}).audit).toEqual(parseConfig(regions, 'g.yaml', {}).audit);
});

it('has a row for each kind, and shows a request as it is written', () => {
  const kinds = rowsOf(document).map(([first]) => inCode(first));
  expect(kinds.filter((kind) => AUDIT_KINDS.some((known) => known === kind))).toEqual([...AUDIT_KINDS]);
  const [line = ''] = blocksOf(document, 'jsonl');
  const shown = parseRecord(line.trim());
  const written = JSON.parse(`{"seq":1,"prev":"","time":"","kind":"request",${requestInside()}}`);
  expect(Object.keys(shown ?? {})).toEqual(Object.keys(written));
  const [members = ''] =
    rowsOf(document)
      .find(([first]) => inCode(first) === 'request')
      ?.slice(2) ?? [];
  for (const member of Object.keys(written).slice(4)) expect(members, member).toContain(`\`${member}\``);
});

it('says what a head signs', () => {
  const [first] = headMessage({ at: 1, hash: 'h', time: 't' }).toString().split('\n');
  expect(document).toContain(`\`${first}\``);
});
