// A folder as a gateway leaves it: a configuration, an identity key and an audit log of some days.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openJournal } from '../../src/audit/journal.ts';
import { accountHash, createKeyedHash } from '../../src/keyed-hash.ts';
import { requestInside } from '../audit/support.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { type Finished, runCli } from '../support/process.ts';

const IDENTITY_KEY = 'ab'.repeat(32);
const DAY_MS = 86_400_000;
const START = Date.parse('2026-03-01T12:00:00Z');

export const ann = accountHash(createKeyedHash(Buffer.from(IDENTITY_KEY, 'hex')), 'ann@corp.example').toString('hex');

export interface AuditFolder extends Disposable {
  readonly folder: Folder;
  readonly config: string;
  readonly file: string;
  readonly keyFile: string;
  run(...args: string[]): Promise<Finished>;
}

/**
 * Three days with two requests of ann each, and one of somebody else.
 * @param extra members of further requests of ann, on the last day
 */
export async function openAuditFolder(extra: readonly string[] = []): Promise<AuditFolder> {
  const folder = openFolder();
  const data = join(folder.path, 'data');
  mkdirSync(data);
  writeFileSync(join(data, 'id.key'), `${IDENTITY_KEY}\n`, { mode: 0o600 });
  const config = folder.write(
    'gateway.yaml',
    'regions: { us: { upstreams: ["http://127.0.0.1:9"] }, eu: { upstreams: ["http://127.0.0.1:10"] } }\nidentityKey: data/id.key\n',
  );
  const file = join(data, 'audit.jsonl');
  const keyFile = join(data, 'audit.key');
  let nowMs = START;
  const journal = openJournal(
    {
      file,
      keyFile,
      flushMs: 1000,
      onFailure: 'refuse',
      headsMs: 60_000,
      rotate: { sizeBytes: 1e9, every: 'day' },
      keepMs: 400 * DAY_MS,
      compress: false,
    },
    { now: () => nowMs, observe: () => undefined },
  );
  for (let day = 0; day < 3; day++, nowMs += DAY_MS) {
    for (const account of [ann, ann, 'ff'.repeat(16)]) journal.append('request', requestInside({ account }));
    if (day < 2) await journal.flush();
    else break;
  }
  for (const inside of extra) journal.append('request', inside);
  await journal.close();
  if (!existsSync(file)) throw new Error('no log was written');
  return {
    folder,
    config,
    file,
    keyFile,
    run: (...args) => runCli(args, { cwd: folder.path, env: { GATEWAY_IDENTITY_KEY: undefined } }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}
