// Audit logs for tests: written by the journal itself, with a clock that is moved by hand.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AuditEvent,
  type AuditJournal,
  type AuditOptions,
  type AuditRecord,
  openJournal,
} from '../../src/audit/journal.ts';
import { publicKeysBeside } from '../../src/audit/key.ts';
import { type AuditVerdict, type VerifyOptions, verifyAudit } from '../../src/audit/verify.ts';
import { openFolder } from '../support/folder.ts';

export const START = Date.parse('2026-03-01T12:00:00Z');
export const ANN = 'aa'.repeat(16);
export const BOB = 'bb'.repeat(16);

export interface RequestFacts {
  readonly account?: string | null;
  readonly pinned?: boolean | null;
  readonly home?: string | null;
  readonly region?: string | null;
  readonly outcome?: string | null;
  readonly reason?: string | null;
  readonly refusal?: string | null;
  readonly number?: number;
}

/** The members of a record of kind request. */
export function requestInside(facts: RequestFacts = {}): string {
  const { account = ANN, pinned = true, home = 'eu', region = 'eu', outcome = 'delivered', refusal = null } = facts;
  const { reason = 'account_home', number = 1 } = facts;
  const record = {
    request: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    route: 'v1.secret.retrieve',
    effect: 'destroys',
    account,
    pinned,
    home,
    region,
    upstream: region === null ? null : `${region}.example:443`,
    certificate: null,
    reason,
    refusal,
    status: 200,
    outcome,
    epoch: 1,
    received: 10,
    sent: 200,
  };
  return JSON.stringify(record).slice(1, -1);
}

export interface AuditLab extends AsyncDisposable {
  readonly folder: string;
  readonly options: AuditOptions;
  readonly events: AuditEvent[];
  journal: AuditJournal;
  readonly now: () => number;
  advance(ms: number): void;
  /** Closes the journal and opens it again. */
  reopen(more?: Partial<AuditOptions>): Promise<void>;
  /** The lines of the current file. */
  lines(): string[];
  records(): AuditRecord[];
  verify(more?: Partial<VerifyOptions>): Promise<AuditVerdict>;
}

/** A journal in a folder of its own; the timers of the journal are far away, so that flush() alone writes. */
export function openAuditLab(more: Partial<AuditOptions> = {}, isSettled?: () => boolean): AuditLab {
  const folder = openFolder();
  let nowMs = START;
  const now = (): number => nowMs;
  const events: AuditEvent[] = [];
  const options: AuditOptions = {
    file: join(folder.path, 'data', 'audit.jsonl'),
    keyFile: join(folder.path, 'data', 'audit.key'),
    flushMs: 3_600_000,
    onFailure: 'refuse',
    headsMs: 60_000,
    rotate: { sizeBytes: 64 * 1024 * 1024, every: 'day' },
    keepMs: 400 * 86_400_000,
    compress: false,
    ...more,
  };
  const open = (changed: Partial<AuditOptions> = {}): AuditJournal =>
    openJournal(
      { ...options, ...changed },
      { now, observe: (event) => events.push(event), ...(isSettled && { isSettled }) },
    );
  const lab: AuditLab = {
    folder: join(folder.path, 'data'),
    options,
    events,
    journal: open(),
    now,
    advance: (ms) => {
      nowMs += ms;
    },
    async reopen(changed) {
      await lab.journal.close();
      lab.journal = open(changed);
      await lab.journal.flush();
    },
    lines: () => readFileSync(options.file, 'utf8').split('\n').slice(0, -1),
    records: () => lab.lines().map((line) => JSON.parse(line)),
    verify: (changed) =>
      verifyAudit({
        file: options.file,
        publicKeys: publicKeysBeside(options.keyFile).map(({ key }) => key),
        ...changed,
      }),
    async [Symbol.asyncDispose]() {
      await lab.journal.close();
      folder[Symbol.dispose]();
    },
  };
  return lab;
}
