// Reads what came back on a connection, as strictly as a caller should.

export interface Answer {
  readonly status: number;
  /** Status line and fields. */
  readonly head: string;
  readonly body: string;
  /** Whether the body is as long as it was announced; false where the connection had to tell. */
  readonly isWhole: boolean;
}

interface Body {
  readonly body: string;
  readonly isWhole: boolean;
  readonly rest: string;
}

function chunkedBody(bytes: string): Body {
  let body = '';
  let at = 0;
  for (;;) {
    const size = /^([0-9a-f]+)[^\r\n]*\r\n/i.exec(bytes.slice(at, at + 1024));
    if (size === null) return { body, isWhole: false, rest: '' };
    const length = Number.parseInt(size[1] ?? '', 16);
    at += size[0].length;
    if (length === 0) {
      // Behind the fields of a trailer, if there are any.
      const end = bytes.indexOf('\r\n\r\n', at - 2);
      return { body, isWhole: end !== -1, rest: end === -1 ? '' : bytes.slice(end + 4) };
    }
    body += bytes.slice(at, at + length);
    at += length + 2;
  }
}

function bodyOf(status: number, head: string, bytes: string, toHead: boolean): Body {
  if (toHead || status === 204 || status === 304) return { body: '', isWhole: true, rest: bytes };
  if (/^transfer-encoding:.*chunked/im.test(head)) return chunkedBody(bytes);
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (length === undefined) return { body: bytes, isWhole: false, rest: '' };
  const end = Number(length);
  return { body: bytes.slice(0, end), isWhole: bytes.length >= end, rest: bytes.slice(end) };
}

/**
 * @param received one character a byte
 * @param toHead whether the first one answers HEAD
 * @returns the answers in order, without those before 200; bytes that are none are the last one, of status 0
 */
export function readAnswers(received: string, toHead: boolean): Answer[] {
  const answers: Answer[] = [];
  let rest = received;
  while (rest !== '') {
    const blank = rest.indexOf('\r\n\r\n');
    const head = blank === -1 ? rest : rest.slice(0, blank);
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |\r|$)/.exec(head)?.[1] ?? 0);
    if (status === 0 || blank === -1) return [...answers, { status, head, body: '', isWhole: false }];
    const bytes = rest.slice(blank + 4);
    if (status < 200) {
      rest = bytes;
      continue;
    }
    const read = bodyOf(status, head, bytes, toHead && answers.length === 0);
    answers.push({ status, head, body: read.body, isWhole: read.isWhole });
    rest = read.rest;
  }
  return answers;
}
