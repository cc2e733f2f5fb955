// Names of accounts as operators write them: exactly those that can arrive as Basic credentials (caller/credentials.ts).
// An entry under any other name would never be met, and nobody would notice.

/** What is wrong with a name; `expected` completes a sentence, and neither holds the name. */
export interface NameFault {
  readonly expected: string;
  readonly hint?: string;
}

const LIMIT_CHARACTERS = 256;
const UNSEEN = /[\s\p{White_Space}\p{Cc}\p{Cf}]/u;
const NAME = 'the name of an account, such as ops@corp.example';

/** @returns undefined: it is one */
export function nameFault(text: string): NameFault | undefined {
  if (text === '') return { expected: NAME };
  if (text.includes(':')) return { expected: NAME, hint: 'A name with a colon cannot be sent as Basic credentials.' };
  if (UNSEEN.test(text) || !text.isWellFormed()) {
    return { expected: NAME, hint: 'It holds a space or a character that cannot be seen.' };
  }
  if (text.length > LIMIT_CHARACTERS) return { expected: `a name of at most ${LIMIT_CHARACTERS} characters` };
  if (text.startsWith('@')) {
    return { expected: NAME, hint: 'The directory holds accounts; a whole domain is a rule of the configuration.' };
  }
  return undefined;
}

/** A sentence for the fault. */
export function nameSentence({ expected, hint }: NameFault): string {
  return `Expected ${expected}.${hint === undefined ? '' : ` ${hint}`}`;
}
