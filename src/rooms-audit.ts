// The audit log as it is configured: opened once a process, by the thread that has the admin listener.
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { type AuditEvent, type AuditJournal, openJournal } from './audit/journal.ts';
import type { AuditVerdict } from './audit/verify.ts';
import type { AuditConfig } from './config/types.ts';
import { lastWrittenMs, watchDayClock } from './day-clock.ts';
import type { AuditTools } from './listener/admin-route.ts';
import { type AuditSink, NO_AUDIT, unrecorded } from './record/audit.ts';
import { describeCause } from './record/record.ts';
import type { Clocks } from './rooms-base.ts';

export interface OpenedAudit {
  readonly sink: AuditSink;
  /** Undefined: the log is off. */
  readonly journal: AuditJournal | undefined;
  readonly tools: AuditTools | undefined;
  /** When nothing can be sent any more: what never came to its record is said, and the log closed. */
  close(): Promise<void>;
}

function note(log: Logger, event: AuditEvent): void {
  const { kind, ...facts } = event;
  const said = 'cause' in event ? { ...facts, ...describeCause(event.cause) } : facts;
  if (kind === 'failing') log.error(said, 'the audit log cannot be written');
  else if (kind === 'unwritten') log.error(said, 'audit records were lost');
  else if (kind === 'cut') log.warn(said, 'the audit log ended within a record, which was cut off');
  else if (kind === 'trouble') log.warn(said, 'the audit log could not be tidied up; it is tried again');
  else if (kind === 'recovered') log.warn(said, 'the audit log is written again');
  else log.info(said, kind === 'rotated' ? 'the audit log begins a new file' : 'old audit files were removed');
}

/** In a thread of its own: it hashes all that there is, and callers are served meanwhile. */
function verifyElsewhere({ file, keyFile }: Pick<AuditConfig, 'file' | 'keyFile'>): Promise<AuditVerdict> {
  const thread = new Worker(new URL(`./audit/verify-thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: { role: 'audit-verify', file, keyFile },
  });
  // A gateway that ends does not wait for it.
  thread.unref();
  return new Promise((settle, reject) => {
    thread.once('message', settle);
    thread.once('error', reject);
    thread.once('exit', () => reject(new Error('the thread that verifies the audit log has ended')));
  });
}

function toolsOf(config: AuditConfig, journal: AuditJournal): AuditTools {
  return {
    readings() {
      const head = journal.head();
      return { ...journal.readings(), head: head ? { at: head.at, hash: head.hash, time: head.time } : null };
    },
    tail: (count) => journal.tail(count),
    async verify() {
      await journal.flush();
      const { good, records, files, faults } = await verifyElsewhere(config);
      return {
        good,
        records,
        files: files.length,
        faults: faults.map(({ file, line, says }) => ({ file, line, what: says })),
      };
    },
  };
}

/** @throws AuditOpenError */
export function openAudit(config: AuditConfig | undefined, log: Logger, clocks: Clocks): OpenedAudit {
  if (config === undefined) return { sink: NO_AUDIT, journal: undefined, tools: undefined, async close() {} };
  const { now } = clocks;
  const knownMs = lastWrittenMs([config.file]);
  const journal = openJournal(config, {
    now,
    isSettled: () => clock.isSettled(),
    observe: (event) => note(log, event),
  });
  const clock = watchDayClock({ ...clocks, knownMs });
  const mustRefuse = config.onFailure === 'refuse';
  let underWay = 0;
  return {
    sink: {
      append: (kind, inside) => journal.append(kind, inside),
      begins() {
        underWay++;
      },
      ends() {
        underWay--;
      },
      refuses: () => mustRefuse && journal.failing,
    },
    journal,
    tools: toolsOf(config, journal),
    async close() {
      if (underWay > 0) journal.append('gap', unrecorded(underWay));
      underWay = 0;
      clock.end();
      await journal.close();
    },
  };
}
