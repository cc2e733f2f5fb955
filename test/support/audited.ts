// A lab that keeps an audit log, and the log as it lies on the disk.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publicKeysBeside } from '../../src/audit/key.ts';
import { type AuditRecord, LINE_BREAK, parseRecord } from '../../src/audit/record.ts';
import { type AuditVerdict, verifyAudit } from '../../src/audit/verify.ts';
import { openFolder } from './folder.ts';
import type { Reply } from './http.ts';
import { type Lab, type LabOptions, openLab } from './lab.ts';
import { until } from './redis.ts';

export interface AuditedLab extends Omit<Lab, 'close'>, AsyncDisposable {
  /** The audit log's file. */
  readonly file: string;
  /** The log's folder. */
  readonly folder: string;
  records(): AuditRecord[];
  /** The record of a request that was answered, once it is written. */
  recordOf(reply: Pick<Reply, 'headers'>): Promise<AuditRecord>;
  /** The one record of a kind that `holds`, once it is written. */
  record(kind: AuditRecord['kind'], holds?: (record: AuditRecord) => boolean): Promise<AuditRecord>;
  verify(): Promise<AuditVerdict>;
  /** Ends the gateway alone: the log is closed then. */
  end(): Promise<void>;
}

/** The whole lines of an audit log. @throws where one of them is no record */
export function readRecords(file: string): AuditRecord[] {
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  // What stands behind the last line's end is still being written.
  const lines = bytes
    .toString('utf8', 0, bytes.lastIndexOf(LINE_BREAK) + 1)
    .split('\n')
    .slice(0, -1);
  return lines.map((line) => {
    const record = parseRecord(line);
    if (record === undefined) throw new Error(`no record: ${line}`);
    return record;
  });
}

export interface AuditedOptions extends LabOptions {
  /** Of the section `audit`. */
  readonly audit?: Readonly<Record<string, unknown>>;
}

export async function openAudited({ audit, config, ...options }: AuditedOptions = {}): Promise<AuditedLab> {
  const folder = openFolder();
  const place = join(folder.path, 'log');
  const file = join(place, 'audit.jsonl');
  const key = join(folder.path, 'audit.key');
  const section = { file, key, flush: '10ms', ...audit };
  const lab = await openLab({ ...options, config: { ...config, audit: section } });
  let ended: Promise<void> | undefined;
  const end = (): Promise<void> => (ended ??= lab.gateway.close());

  async function record(kind: AuditRecord['kind'], holds = (_: AuditRecord): boolean => true): Promise<AuditRecord> {
    let found: AuditRecord | undefined;
    await until(() => {
      found = readRecords(file).find((one) => one.kind === kind && holds(one));
      return found !== undefined;
    }, 5000);
    if (found === undefined) throw new Error('no such record');
    return found;
  }

  return {
    ...lab,
    file,
    folder: place,
    records: () => readRecords(file),
    record,
    recordOf: ({ headers }) => record('request', ({ request }) => request === headers['x-request-id']),
    verify: () => verifyAudit({ file, publicKeys: publicKeysBeside(key).map((one) => one.key) }),
    end,
    async [Symbol.asyncDispose]() {
      await end();
      await Promise.all([lab.us.close(), lab.eu.close()]);
      folder[Symbol.dispose]();
    },
  };
}
