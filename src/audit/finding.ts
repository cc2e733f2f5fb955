// What follows from a report, in sentences: the answer that an auditor asks for, or why it cannot be given.
import type { AccountReport, Hole } from './account-report.ts';

export interface Finding {
  /** `held`: nothing left; `left`: something did; `open`: the log does not tell. */
  readonly answer: 'held' | 'left' | 'open';
  readonly sentence: string;
  /** What limits it. */
  readonly limits: readonly string[];
}

export function findingOf(report: AccountReport): Finding {
  const { verdict, covered, outsideCount } = report;
  const limits = limitsOf(report);
  if (outsideCount > 0) return { answer: 'left', sentence: leftSentence(report), limits };
  if (!verdict.good) {
    return { answer: 'open', sentence: 'The log is not good, so nothing follows from what it does not show.', limits };
  }
  if (covered === undefined) return { answer: 'open', sentence: 'The log says nothing of this period.', limits };
  const when = `between ${short(covered.from)} and ${short(covered.to)}`;
  const where = report.homes.length === 0 ? 'to any region' : `outside ${homesText(report.homes)}`;
  // What was not sent was sent nowhere.
  const holes = report.holes.filter(({ why }) => why !== 'unsent');
  if (holes.length > 0) {
    const but = holes.every(({ why }) => why === 'foreign_key')
      ? 'but not all of it can be read for this account'
      : 'but records are missing in it';
    const sentence = `The log shows no request of this account that was sent ${where} ${when}, ${but}.`;
    return { answer: 'open', sentence, limits };
  }
  return { answer: 'held', sentence: `No request of this account was sent ${where} ${when}.`, limits };
}

function leftSentence({ outsideCount: count, outsidePinned, verdict }: AccountReport): string {
  const requests = count === 1 ? '1 request of this account was' : `${count} requests of this account were`;
  const pinned =
    outsidePinned === 0
      ? 'while it was not pinned'
      : outsidePinned === count
        ? 'while it was pinned'
        : `${outsidePinned} of them while it was pinned`;
  const more = verdict.good ? '' : ' The log is not good: there may be more, or fewer.';
  return `${requests} sent outside the account's home region, ${pinned}.${more}`;
}

function homesText(homes: readonly string[]): string {
  return homes.length === 1 ? `${homes[0]}` : `the region where it lived at the time (${homes.join(', ')})`;
}

function limitsOf({ verdict, covered, from, to, holes, unsigned }: AccountReport): string[] {
  const limits: string[] = [];
  if (!verdict.good) {
    const count = verdict.faultCount === 1 ? '1 fault was' : `${verdict.faultCount} faults were`;
    limits.push(`${count} found in the log.`);
  }
  if (covered !== undefined && covered.from > from) {
    limits.push(`The log begins at ${short(covered.from)}: it says nothing of the time before.`);
  }
  if (covered !== undefined && covered.to < to) {
    limits.push(`The log ends at ${short(covered.to)}: it says nothing of the time behind.`);
  }
  limits.push(...holes.map(holeText));
  if (unsigned > 0) {
    const records = unsigned === 1 ? 'The last record is' : `The last ${unsigned} records are`;
    limits.push(`${records} not signed yet: the next head does that.`);
  }
  if (verdict.good && verdict.heldAgainst.length === 0) {
    limits.push(
      'The end of the log was not held against a head from elsewhere: what was cut off there leaves no trace.',
    );
  }
  return limits;
}

function holeText({ why, after = 'its beginning', until, records }: Hole): string {
  const between = `between ${short(after)} and ${short(until)}`;
  if (why === 'lost') {
    const which = records === undefined ? 'Records' : records === 1 ? '1 record' : `${records} records`;
    return `${which} could not be written ${between}, and were lost.`;
  }
  if (why === 'unsent') {
    const which = records === 1 ? '1 request has' : `${records ?? 'Some'} requests have`;
    return `${which} no record, since nothing could be written ${between}: none of them was sent.`;
  }
  if (why === 'under_way') {
    const which = records === 1 ? '1 request has' : `${records ?? 'Some'} requests have`;
    return `${which} no record, since the thread that had begun them ended ${between}: they may have been sent.`;
  }
  if (why === 'foreign_key') {
    return (
      `Records ${between} are under another identity key, so those of this account cannot be found there. Give that key, too: ` +
      'GATEWAY_IDENTITY_KEY takes several, separated by commas.'
    );
  }
  return `The gateway ended without closing the log after ${short(after)} (opened again at ${short(until)}): what it had not written by then is lost.`;
}

/** Milliseconds where there are any. */
function short(time: string): string {
  return time.replace('.000Z', 'Z');
}
