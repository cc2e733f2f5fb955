// A region's answer -> what it means, and the status that the caller is to see.
import type { RegionAnswer } from './attempt.ts';
import { accurateStatus, type Meaning, meaningOf } from './meaning.ts';

const EMPTY = Buffer.alloc(0);

/** As in meaning.ts; an answer that streams is told by its status alone. */
export function meaningOfAnswer({ status, head, body }: RegionAnswer): Meaning {
  // Hot path: nearly every answer.
  if (status === 200) return 'success';
  return meaningOf(status, Buffer.isBuffer(body) ? body : EMPTY, head.intended);
}

/** @param errors `accurate` gives the service's ambiguous 404s their true status, `verbatim` leaves every status */
export function interpretWith(
  errors: 'accurate' | 'verbatim',
): (answer: RegionAnswer) => { meaning: Meaning; status: number } {
  return (answer) => {
    const meaning = meaningOfAnswer(answer);
    return { meaning, status: errors === 'accurate' ? accurateStatus(answer.status, meaning) : answer.status };
  };
}
