// A region's answer -> what it means, and the status that the caller is to see.
import type { RegionAnswer } from './attempt.ts';
import { accurateStatus, type Meaning, meaningOf } from './meaning.ts';

const EMPTY = Buffer.alloc(0);
const INTENDED = 'x-ots-intended-status';

function intendedStatus(headers: RegionAnswer['headers']): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (String(headers[i]).toLowerCase() === INTENDED) return String(headers[i + 1]).trim();
  }
  return undefined;
}

/** @param errors `accurate` gives the service's ambiguous 404s their true status, `verbatim` leaves every status */
export function interpretWith(
  errors: 'accurate' | 'verbatim',
): (answer: RegionAnswer) => { meaning: Meaning; status: number } {
  return (answer) => {
    if (answer.status === 200) return { meaning: 'success', status: 200 };
    const body = Buffer.isBuffer(answer.body) ? answer.body : EMPTY;
    const meaning = meaningOf(answer.status, body, intendedStatus(answer.headers));
    return { meaning, status: errors === 'accurate' ? accurateStatus(answer.status, meaning) : answer.status };
  };
}
