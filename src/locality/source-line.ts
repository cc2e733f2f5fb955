// One line of the file of good answers: what the source said of an account, by keyed hash, signed over every field.
//
//     1 SEQUENCE ACCOUNT AT_MS found REGION PINNED ALSO SIGNATURE
//     1 SEQUENCE ACCOUNT AT_MS gone SIGNATURE
import { timingSafeEqual } from 'node:crypto';
import type { HashParts } from '../keyed-hash.ts';

export interface SourceLine {
  /** Grows with every line: of two about one account the greater one holds, whatever the clock did meanwhile. */
  readonly sequence: number;
  /** Keyed hash of the normalised name, 32 hex digits. */
  readonly name: string;
  /** Unix time in milliseconds at which the source was asked. */
  readonly atMs: number;
  /** Undefined: the source no longer knows the account. */
  readonly facts: { readonly region: string; readonly pinned: boolean; readonly also: readonly string[] } | undefined;
}

export interface LineFormat {
  /** Without the line's end. */
  write(line: SourceLine): string;
  /** Undefined: not a line that this identity key wrote for this source. */
  read(text: string): SourceLine | undefined;
}

/** Longer than any that is written for regions with sensible names. */
export const LINE_LIMIT_BYTES = 8192;

const REGION = '[a-z][a-z0-9-]*';
const LINE = new RegExp(
  `^(1 (\\d{1,16}) ([0-9a-f]{32}) (\\d{1,16}) (?:gone|found (${REGION}) ([01]) (-|${REGION}(?:,${REGION})*))) ([0-9a-f]{32})$`,
);

/** @param url of the source: another source's answers say nothing of what this one would answer */
export function createLineFormat(hash: HashParts, url: string): LineFormat {
  const sign = (text: string): Buffer => hash('source-answer', url, text);

  return {
    write({ sequence, name, atMs, facts }) {
      const said = facts === undefined ? 'gone' : `found ${facts.region} ${facts.pinned ? 1 : 0} ${listOf(facts.also)}`;
      const text = `1 ${sequence} ${name} ${Math.floor(atMs)} ${said}`;
      return `${text} ${sign(text).toString('hex')}`;
    },
    read(line) {
      const match = LINE.exec(line);
      if (match === null) return undefined;
      const [, text = '', sequence, name = '', atMs, region, pinned, also = '', signature = ''] = match;
      if (!timingSafeEqual(sign(text), Buffer.from(signature, 'hex'))) return undefined;
      const facts =
        region === undefined
          ? undefined
          : { region, pinned: pinned === '1', also: also === '-' ? [] : also.split(',') };
      return { sequence: Number(sequence), name, atMs: Number(atMs), facts };
    },
  };
}

function listOf(also: readonly string[]): string {
  return also.length === 0 ? '-' : also.join(',');
}
