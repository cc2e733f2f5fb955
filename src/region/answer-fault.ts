// What a region's answer can have that a strict reader of HTTP/1.1 does not take: a closed list, without a byte of the answer.

const FAULTS = {
  status_line: ['ERR_ANSWER_STATUS_LINE', 'the answer does not begin with a status line of HTTP/1.0 or HTTP/1.1'],
  switching: ['ERR_ANSWER_SWITCHING', 'the region switches to another protocol, which nobody asked for'],
  field: ['ERR_ANSWER_FIELD', 'a header line of the answer is none of HTTP/1.1'],
  framing: ['ERR_ANSWER_FRAMING', 'the answer says in more than one way, or in none that is known, how long it is'],
  undelimited: [
    'ERR_ANSWER_UNDELIMITED',
    'the answer has neither Content-Length nor chunked encoding: whether it is whole cannot be told',
  ],
  chunk: ['ERR_ANSWER_CHUNK', 'a chunk of the answer is none of HTTP/1.1'],
  too_long: ['ERR_ANSWER_TOO_LONG', 'the head of the answer, its trailer or the line of a chunk is too long'],
} as const satisfies Record<string, readonly [code: string, sentence: string]>;

export type AnswerFlaw = keyof typeof FAULTS;

/** Its code is none of the transport's: a region that says something odd still lives (probe.ts). */
export class AnswerFault extends Error {
  readonly code: string;

  constructor(flaw: AnswerFlaw) {
    const [code, sentence] = FAULTS[flaw];
    super(sentence);
    this.code = code;
  }
}
