// Messages of HTTP/1.1 made wrong, in the ways in which two readers may come to understand them differently.
import type { Random } from './random.ts';

const CRLF = '\r\n';
/** Bytes that a parser has an opinion on. */
const BYTES = [
  '\0',
  '\r',
  '\n',
  '\t',
  ' ',
  ':',
  ';',
  ',',
  '/',
  '\\',
  '?',
  '#',
  '%',
  '"',
  '\x7f',
  '\x80',
  '\xff',
  '@',
  '_',
];
const LINE_ENDS = ['\n', '\r', '\r\r\n', '\n\r', '\r\n\r\n', '\r\n ', '\r\n\t', '\0\r\n', ''];
const NUMBERS = [
  '0',
  '00',
  '-1',
  '+1',
  '0x10',
  '1e1',
  '1_0',
  ' 1',
  '1 ',
  '1,1',
  '9007199254740993',
  '99999999999999999999',
  '',
];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'get', 'G\0T', 'PRI', ''];
const LINES = [
  'Content-Length: 0',
  'Content-Length: 5',
  'Content-Length : 5',
  'Content_Length: 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding : chunked',
  'Connection: close',
  'Connection: content-length, authorization',
  'Connection: upgrade',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'Host: other',
  'Host: eu.gateway.example',
  'Onetime-Region: eu',
  'Onetime-Region: us',
  'X-Forwarded-For: 192.0.2.66',
  'Trailer: content-length',
  'Keep-Alive: timeout=0',
  ': nameless',
  ' folded',
  'nocolon',
];
const LONG = [200, 5000, 9000, 20_000];
const TARGETS = [
  '/.',
  '/..',
  '/%2e%2e',
  '//',
  '\\',
  '%2f',
  '%00',
  '/us',
  '/eu',
  ';x=1',
  '?continue=true',
  '#',
  '*',
  'http://other',
];

type Mutate = (text: string, random: Random, other: string) => string;

const insert = (text: string, at: number, what: string): string => text.slice(0, at) + what + text.slice(at);
const somewhere = (text: string, random: Random): number => random.below(text.length + 1);

/** Of all places where `pattern` is found one, replaced. */
function replaceOne(text: string, random: Random, pattern: RegExp, by: (found: string) => string): string {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text;
  const [what, at] = ((match) => [match[0], match.index] as const)(random.pick(found));
  return text.slice(0, at) + by(what) + text.slice(at + what.length);
}

/** The first line ends before it: from there on lines may be put in. */
function spliceLine(text: string, random: Random, line: string): string {
  const ends = [...text.matchAll(/\r\n/g)].map(({ index }) => index);
  return ends.length === 0 ? text : insert(text, random.pick(ends), CRLF + line);
}

function range(text: string, random: Random): readonly [number, number] {
  const start = somewhere(text, random);
  return [start, Math.min(text.length, start + 1 + random.below(24))];
}

const MUTATIONS: readonly Mutate[] = [
  // flip a bit
  (text, random) => {
    const at = random.below(Math.max(1, text.length));
    const flipped = String.fromCharCode(text.charCodeAt(at) ^ (1 << random.below(8)));
    return text.slice(0, at) + flipped + text.slice(at + 1);
  },
  (text, random) => insert(text, somewhere(text, random), random.pick(BYTES)),
  (text, random) => {
    const [start, end] = range(text, random);
    return text.slice(0, start) + text.slice(end);
  },
  (text, random) => {
    const [start, end] = range(text, random);
    return insert(text, end, text.slice(start, end));
  },
  // cut, or go on with another one
  (text, random) => text.slice(0, somewhere(text, random)),
  (text, random, other) => text.slice(0, somewhere(text, random)) + other.slice(somewhere(other, random)),
  (text, random, other) => spliceLine(text, random, random.pick(other.split(CRLF))),
  (text, random) => spliceLine(text, random, random.pick(text.split(CRLF))),
  (text, random) => spliceLine(text, random, random.pick(LINES)),
  (text, random) =>
    replaceOne(text, random, /[A-Za-z]+/g, (word) => (random.below(2) === 0 ? word.toLowerCase() : word.toUpperCase())),
  (text, random) => replaceOne(text, random, /[ :,]/g, (found) => found + random.pick([' ', '\t', '\x0b', '\xa0'])),
  (text, random) => replaceOne(text, random, /[ :,]/g, (found) => random.pick([' ', '\t', '']) + found),
  (text, random) => replaceOne(text, random, /\d+/g, () => random.pick(NUMBERS)),
  (text, random) =>
    replaceOne(text, random, /\d+/g, (digits) => String(Number(digits.slice(0, 15)) + random.pick([-1, 1]))),
  (text, random) => replaceOne(text, random, /\r\n/g, () => random.pick(LINE_ENDS)),
  (text, random) => replaceOne(text, random, /^[A-Z]+/g, () => random.pick(METHODS)),
  (text, random) =>
    replaceOne(text, random, /HTTP\/1\.[01]/g, () =>
      random.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1.1 ']),
    ),
  (text, random) => replaceOne(text, random, /\/[a-z0-9]*/g, (found) => found + random.pick(TARGETS)),
  (text, random) =>
    insert(text, somewhere(text, random), random.pick(['x', ' ', '\0', 'a: b\r\n']).repeat(random.pick(LONG))),
];

/** One message in latin1 of `seeds`, or two behind each other, changed once to four times; one in eight not at all. */
export function mutated(seeds: readonly string[], random: Random): string {
  let text = random.pick(seeds);
  if (random.below(4) === 0) text += random.pick(seeds);
  const times = random.below(8) === 0 ? 0 : 1 + random.below(4);
  for (let turn = 0; turn < times; turn++) text = random.pick(MUTATIONS)(text, random, random.pick(seeds));
  return text;
}
