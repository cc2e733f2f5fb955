// The section `audit` of the configuration (docs/audit.md).
import { z } from 'zod';
import { duration, flag, oneOf, section, size, text } from './fields.ts';
import { AUDIT_FILE, AUDIT_KEY, DEFAULT_AUDIT_FILE, DEFAULT_AUDIT_KEY, readPath } from './paths.ts';
import type { AuditConfig } from './types.ts';
import { AGE, readAgeMs } from './units.ts';

const rotate = section({
  size: size().prefault('256MiB').describe('A file that would grow larger is closed, and a new one begun.'),
  every: oneOf(['day', 'hour', 'never'])
    .prefault('day')
    .describe('A new file each day or hour, in UTC, or by size alone (never).'),
}).transform(({ size: sizeBytes, every }) => ({ sizeBytes, every }));

/** @param folder where relative paths start */
export const audit = (folder: string) =>
  section({
    file: z
      // The environment has no null: empty stands for it.
      .preprocess(
        (path) => (path === '' || path === 'null' ? null : path),
        text(AUDIT_FILE, (path) => readPath(path, folder, AUDIT_FILE)).nullable(),
      )
      .prefault(DEFAULT_AUDIT_FILE)
      .describe('The log of what was decided for every request, and what became of it. null: none is kept.'),
    key: text(AUDIT_KEY, (path) => readPath(path, folder, AUDIT_KEY))
      .prefault(DEFAULT_AUDIT_KEY)
      .describe('File of the key that signs the log; made on first start, its public half beside it.'),
    flush: duration().prefault('200ms').describe('A record waits no longer than this to be written.'),
    onFailure: oneOf(['refuse', 'continue'])
      .prefault('refuse')
      .describe('Requests while nothing can be written: refused, or served and counted as missing (continue).'),
    heads: duration().prefault('60s').describe('A record waits no longer than this for a signature over it.'),
    rotate: rotate.prefault({}).describe('When a new file is begun.'),
    keep: text(AGE, readAgeMs).prefault('400d').describe('Closed files are removed at this age; the log says so.'),
    compress: flag().prefault(true).describe('Whether closed files are compressed (gzip).'),
  }).transform(({ file, key, flush, heads, keep, ...others }): AuditConfig | undefined =>
    file === null ? undefined : { file, keyFile: key, flushMs: flush, headsMs: heads, keepMs: keep, ...others },
  );
