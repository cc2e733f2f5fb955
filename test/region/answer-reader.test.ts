// The strict reading of answers: what is taken goes on byte for byte, and what is not is told by its code. Against a second reader,
// with answers made wrong by chance, in test/fuzz/reader.test.ts.
import { describe, expect, it } from 'vitest';
import { AnswerReader } from '../../src/region/answer-reader.ts';

interface Outcome {
  readonly passed: string;
  /** `whole`: another request may follow. `spoilt`: whole, and something came behind it. */
  readonly state: 'whole' | 'spoilt' | 'unfinished' | string;
}

/** @param pieceBytes how many bytes come at a time */
function read(text: string, { toHead = false, pieceBytes = text.length } = {}): Outcome {
  const reader = new AnswerReader();
  expect(reader.begin(toHead)).toBe(true);
  let passed = '';
  try {
    for (let at = 0; at < text.length; at += pieceBytes) {
      passed += reader.read(Buffer.from(text.slice(at, at + pieceBytes), 'latin1'))?.toString('latin1') ?? '';
    }
  } catch (fault) {
    return { passed, state: fault instanceof Error && 'code' in fault ? String(fault.code) : 'thrown' };
  }
  if (reader.isSpoilt) return { passed, state: 'spoilt' };
  return { passed, state: reader.begin(false) ? 'whole' : 'unfinished' };
}

const LINE = 'HTTP/1.1 200 OK\r\n';
const ok = (fields = '', body = '{}'): string => `${LINE}${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (chunks: string): string => `${LINE}Transfer-Encoding: chunked\r\n\r\n${chunks}`;
const CHUNKS = '2\r\n{}\r\n0\r\n\r\n';

describe('is passed on as it came', () => {
  it.each<[string, string]>([
    ['a length', ok()],
    ['no body', ok('', '')],
    ['a length with zeros before it', `${LINE}Content-Length: 0002\r\n\r\n{}`],
    ['HTTP/1.0', ok().replace('1.1', '1.0')],
    ['a reason with every byte that it may have', ok().replace('OK', '\t O\x80K\xff!')],
    ['an empty reason', ok().replace('OK', '')],
    ['no reason, and no space before it', ok().replace(' OK', '')],
    ['a field without a value', ok('X-A:\r\n')],
    ['a field with tabs and bytes beyond ASCII', ok('X-A: \ta\tb\xff\r\n')],
    ['every character of a name', ok("!#$%&'*+-.^_`|~09AZaz: 1\r\n")],
    ['names whose length alone is that of a framing field', ok('Xontent-Length: 9\r\nTransfer-Xncoding: gzip\r\n')],
    ['names in capitals', ok().replace('Content-Length', 'CONTENT-LENGTH')],
    ['chunks', chunked(CHUNKS)],
    ['chunked in capitals, with white space around it', chunked(CHUNKS).replace(' chunked', '\t CHUNKED \t')],
    ['a chunk’s size in capitals and with zeros', chunked('00A\r\n0123456789\r\n0\r\n\r\n')],
    ['chunks with a trailer', chunked('2\r\n{}\r\n0\r\nX-T: 1\r\nX-U:\r\n\r\n')],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['204 with a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'],
    ['304 with chunks', 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['599', ok().replace('200', '599')],
  ])('%s', (_what, text) => {
    for (const pieceBytes of [text.length, 1, 2, 3, 7]) {
      expect(read(text, { pieceBytes })).toEqual({ passed: text, state: 'whole' });
    }
  });

  it('to HEAD, without the body that is announced', () => {
    const head = `${LINE}Content-Length: 900\r\n\r\n`;
    expect(read(head, { toHead: true })).toEqual({ passed: head, state: 'whole' });
    expect(read(LINE.concat('\r\n'), { toHead: true }).state).toBe('whole');
  });

  it('in the same Buffer, where nothing has to be taken out: nothing is copied', () => {
    const reader = new AnswerReader();
    reader.begin(false);
    const bytes = Buffer.from(ok());
    expect(reader.read(bytes)).toBe(bytes);
  });

  it('one behind the other, each after its own request', () => {
    const reader = new AnswerReader();
    for (const text of [ok(), chunked(CHUNKS), ok('', ''), ok()]) {
      expect(reader.begin(false)).toBe(true);
      expect(String(reader.read(Buffer.from(text)))).toBe(text);
    }
  });
});

it('puts white space behind a length before it, since undici takes it for digits', () => {
  expect(read(ok().replace(': 2', ':2 \t'))).toEqual({ passed: ok().replace(': 2', ':  2'), state: 'whole' });
});

it('puts zeros before a chunk’s size in place of its extensions, which mean nothing', () => {
  const extended = chunked('2;a=1;b="c d"\r\n{}\r\nA\t;,;\xff\r\n0123456789\r\n0 ; last\r\n\r\n');
  const plain = chunked('0000000000002\r\n{}\r\n00000A\r\n0123456789\r\n00000000\r\n\r\n');
  for (const pieceBytes of [9999, 1, 3])
    expect(read(extended, { pieceBytes })).toEqual({ passed: plain, state: 'whole' });
});

describe('of what came before the answer', () => {
  const EARLY = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';

  it.each([
    ['100', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['102', 'HTTP/1.1 102\r\n\r\n'],
    ['103, several times', EARLY.repeat(20)],
    ['199 with a length, which says nothing', 'HTTP/1.1 199 X\r\nContent-Length: 5\r\n\r\n'],
  ])('%s goes no further', (_what, early) => {
    for (const pieceBytes of [9999, 1, 5]) {
      expect(read(early + ok(), { pieceBytes })).toEqual({ passed: ok(), state: 'whole' });
    }
    expect(read(early)).toEqual({ passed: '', state: 'unfinished' });
  });

  it('101 is refused: nobody asks for it', () => {
    expect(read(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n${ok()}`).state).toBe('ERR_ANSWER_SWITCHING');
  });

  it('an empty line is refused, before and behind 100', () => {
    expect(read(`\r\n${ok()}`).state).toBe('ERR_ANSWER_STATUS_LINE');
    expect(read(`HTTP/1.1 100 Continue\r\n\r\n\r\n${ok()}`).state).toBe('ERR_ANSWER_STATUS_LINE');
  });
});

const REFUSED: readonly [code: string, texts: readonly string[]][] = [
  [
    'STATUS_LINE',
    [
      ...['HTTP/0.9', 'HTTP/1.2', 'HTTP/1.10', 'HTTP/2.0', 'HTTP/2', 'http/1.1', 'HTTP/1.1 ', ' HTTP/1.1', 'ICY'].map(
        (version) => ok().replace('HTTP/1.1', version),
      ),
      ...['000', '099', '99', '600', '999', '1000', '20', '2e2', '-20', '+20', ''].map((status) =>
        ok().replace('200', status),
      ),
      ...['O\rK', 'O\0K', 'O\x0bK', 'O\x7fK', 'OK\r'].map((reason) => ok().replace('OK', reason)),
      ok().replace('200 OK', '200\tOK'),
      ok().replace('OK\r\n', 'OK\n'),
      ok().replace('OK\r\n', 'OK\r'),
      'SSH-2.0-OpenSSH\r\n\r\n',
      'S',
      '{"value":"x"}',
    ],
  ],
  [
    'FIELD',
    [
      ...['X-A : b', 'X-A: b\r\n c', 'X-A: b\r\n\tc', ' X-A: b', 'X-A', ': b', 'X A: b', 'X\xa0A: b', 'X-A: a\0b'].map(
        (line) => ok(`${line}\r\n`),
      ),
      ...['X-A: a\rb', 'X-A: a\x0bb', 'X-A: a\x7fb', 'X-A\0: b', 'X(A: b', 'X-A\r: b'].map((line) => ok(`${line}\r\n`)),
      ok('X-A: b\n'),
      ok('X-A: b\r\r\n'),
      `${LINE}X-A: b\n\n`,
      `${LINE}\n`,
      `${LINE}\rX: 1\r\n\r\n`,
      chunked('0\r\nX-T : 1\r\n\r\n'),
    ],
  ],
  [
    'FRAMING',
    [
      ...['+2', '-2', '2,2', '2, 2', '2 2', '0x2', '2.0', '', '1e1', '\xa02', '9'.repeat(16)].map(
        (length) => `${LINE}Content-Length: ${length}\r\n\r\n{}`,
      ),
      ok('Content-Length: 2\r\n'),
      ok('content-length: 3\r\n'),
      ok('Transfer-Encoding: chunked\r\n'),
      `${LINE}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n${CHUNKS}`,
      ...['gzip', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'chunked,', ',chunked', 'identity', ''].map(
        (coding) => chunked(CHUNKS).replace(': chunked', `: ${coding}`),
      ),
      ...['xchunked', 'chunkedx', 'chunked;q=1', '"chunked"', '\xa0chunked', 'chun ked'].map((coding) =>
        chunked(CHUNKS).replace(': chunked', `: ${coding}`),
      ),
      chunked(CHUNKS).replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n'),
      chunked(CHUNKS).replace('1.1', '1.0'),
      chunked('0\r\nContent-Length: 0\r\n\r\n'),
      chunked('0\r\nTransfer-Encoding: chunked\r\n\r\n'),
      'HTTP/1.1 204 No Content\r\nTransfer-Encoding: gzip\r\n\r\n',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n',
    ],
  ],
  ['UNDELIMITED', [`${LINE}\r\n{}`, `${LINE}Connection: close\r\n\r\n{}`, 'HTTP/1.0 200 OK\r\n\r\n{}']],
  [
    'CHUNK',
    [
      ...['zz', '-2', '+2', '0x2', ' 2', '2 ', '2\t', '', ';a', '2 a', '2,a', '2g', 'f'.repeat(14)].map((size) =>
        chunked(`${size}\r\n{}\r\n0\r\n\r\n`),
      ),
      ...['2;a\0', '2;a\x7f', '2;a\r', '2\r;a'].map((size) => chunked(`${size}\r\n{}\r\n0\r\n\r\n`)),
      chunked('2\n{}\r\n0\r\n\r\n'),
      chunked('2;a\n{}\r\n0\r\n\r\n'),
      chunked('2\r\n{}\n0\r\n\r\n'),
      chunked('2\r\n{}x\r\n0\r\n\r\n'),
      chunked('2\r\n{}0\r\n\r\n'),
    ],
  ],
];

describe.each(REFUSED)('is no answer: ERR_ANSWER_%s', (code, texts) => {
  it.each(texts.map((text): [string, string] => [JSON.stringify(text).slice(0, 90), text]))('%s', (_shown, text) => {
    for (const pieceBytes of [text.length, 1, 6]) {
      const { passed, state } = read(text, { pieceBytes });
      expect(state).toBe(`ERR_ANSWER_${code}`);
      // Of a body in chunks what came before the flaw may have gone on; of a head nothing ever.
      if (!/chunked\r\n\r\n/.test(text)) expect(passed).toBe('');
    }
  });
});

describe('what is not whole', () => {
  it('goes on from its body alone', () => {
    for (const text of [ok('X-A: 1\r\n'), chunked('002\r\n{}\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n')]) {
      const head = text.indexOf('\r\n\r\n') + 4;
      for (let end = 1; end < text.length; end++) {
        const { passed, state } = read(text.slice(0, end));
        expect(state).toBe('unfinished');
        expect(text.slice(0, end).startsWith(passed)).toBe(true);
        expect(passed === '').toBe(end < head);
      }
    }
  });

  it('lets no other request begin', () => {
    const reader = new AnswerReader();
    reader.begin(false);
    expect(reader.begin(false)).toBe(false);
    reader.read(Buffer.from(ok().slice(0, -1)));
    expect(reader.begin(false)).toBe(false);
    reader.read(Buffer.from('}'));
    expect(reader.begin(false)).toBe(true);
  });
});

describe('what nobody asked for', () => {
  it.each(['\r\n', ' ', 'HTTP/1.1 200 OK\r\n', ok()])('behind an answer, %j, is cut off and told', (more) => {
    for (const text of [ok(), chunked(CHUNKS), 'HTTP/1.1 204 No Content\r\n\r\n']) {
      for (const pieceBytes of [9999, 1]) {
        expect(read(text + more, { pieceBytes })).toEqual({ passed: text, state: 'spoilt' });
      }
    }
  });

  it('before any request is told, and none begins', () => {
    const reader = new AnswerReader();
    expect(reader.read(Buffer.from(ok()))).toBeNull();
    expect([reader.isSpoilt, reader.begin(false)]).toEqual([true, false]);
  });
});

describe('bounds', () => {
  const HEAD_BYTES = 64 * 1024;
  const filler = (bytes: number): string => `X: ${'a'.repeat(bytes - 5)}\r\n`;
  const sized = (bytes: number): string => ok(filler(bytes - (ok().length - 2)));
  const early = 'HTTP/1.1 103 Early Hints\r\n\r\n';
  const line = (bytes: number): string => chunked(`2;${'a'.repeat(bytes - 4)}\r\n{}\r\n0\r\n\r\n`);
  const trailed = (bytes: number): string => {
    const head = chunked('').length;
    return chunked(`0\r\n${filler(bytes - head - 2)}\r\n`);
  };

  it.each<[string, (bytes: number) => string, number]>([
    ['a head', sized, HEAD_BYTES],
    ['all heads of an answer', (bytes) => early.repeat(1000) + sized(bytes - 1000 * early.length), HEAD_BYTES],
    ['head and trailer', trailed, HEAD_BYTES],
    ['the line of a chunk', line, 4096],
  ])('%s: taken up to its bound, and not a byte over it', (_what, make, most) => {
    for (const pieceBytes of [999_999, 1000]) {
      expect(read(make(most - 1), { pieceBytes }).state).toBe('whole');
      expect(read(make(most), { pieceBytes }).state).toBe('whole');
      expect(read(make(most + 1), { pieceBytes }).state).toBe('ERR_ANSWER_TOO_LONG');
    }
  });

  it('a line that never ends is given up at its bound', () => {
    expect(read(`${LINE}X: ${'a'.repeat(HEAD_BYTES)}`, { pieceBytes: 100 }).state).toBe('ERR_ANSWER_TOO_LONG');
    expect(read(chunked(`2;${'a'.repeat(4096)}`), { pieceBytes: 100 }).state).toBe('ERR_ANSWER_TOO_LONG');
  });

  it('hundreds of heads that never end are given up', () => {
    expect(read('HTTP/1.1 100 Continue\r\n\r\n'.repeat(3000), { pieceBytes: 5000 }).state).toBe('ERR_ANSWER_TOO_LONG');
  });
});
