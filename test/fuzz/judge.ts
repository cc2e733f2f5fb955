// What must hold for one connection of a caller, whatever bytes it sent: what regions were sent is what a strict reader
// finds in these bytes, each once, and each answered.
import { ROUTES } from '../../src/route/table.ts';
import type { TwinRequest } from '../../src/twin/ledger.ts';
import { headerOf, type ReadAnswer, type ReadRequest, type ReadRequests, readAnswer, readRequests } from './strict.ts';

/** What one region was sent for this connection. */
export interface Sent {
  readonly region: string;
  readonly row: TwinRequest;
}

/** What a strict reader says of an answer and its request, for the gateway's own record to agree with. */
export interface Expected {
  readonly requestId: string;
  readonly region: string;
  readonly route: RegExp;
  readonly bytes: number;
}

/** Of the paths that the table has: what the region may be sent. */
const SENDABLE = ROUTES.map(({ id, version, method, path }) => {
  const segments = path.map((segment) => (segment === 'KEY' ? '[0-9A-Za-z_-]{20,128}' : segment));
  return { id, method, path: new RegExp(`^/api/${version}/${segments.join('/')}$`) };
});

/** Those that cross as they came. */
const CROSSING = ['accept', 'accept-language', 'content-type', 'user-agent'];
/** Those that the gateway itself makes. */
const MADE = ['host', 'connection', 'content-length', 'authorization', 'x-forwarded-for', 'traceparent', 'tracestate'];

/** Who lives where, and may be nowhere else. */
const PINNED: Readonly<Record<string, string>> = { alice: 'us', carol: 'us', bruno: 'eu', dora: 'eu' };

class Wrong extends Error {}
function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Wrong(what);
}

const valuesOf = (headers: readonly (readonly [string, string])[], names: readonly string[]): string[] =>
  headers
    .filter(([name]) => names.includes(name.toLowerCase()))
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`);

/** Whoever is named by credentials, however they were written. */
function pinnedIn(headers: readonly (readonly [string, string])[]): string[] {
  const all = headers.filter(([name]) => name.toLowerCase() === 'authorization').map(([, value]) => value);
  const names = all.map((value) =>
    Buffer.from(value.split(/\s/).at(-1) ?? '', 'base64')
      .toString('latin1')
      .toLowerCase(),
  );
  return Object.keys(PINNED).filter((name) => names.some((text) => text.startsWith(`${name}@`)));
}

const pathOf = (target: string): string => target.split('?', 1)[0] ?? '';
const ROUTE_OF_ASKING = '/api/v1/authcheck';

/** Whether this request, as a strict reader has it, is what was sent. */
function isSame({ method, target, headers, body }: ReadRequest, { region, row }: Sent): boolean {
  const [, prefix, rest = ''] = /^\/(us|eu)(\/.*)$/.exec(target) ?? [undefined, undefined, target];
  if (row.path !== rest && row.path !== pathOf(rest)) return false;
  if (prefix !== undefined && prefix !== region) return false;
  // Reading is asked for with HEAD and, of the list, with POST too; what is sent is the table's own method.
  if (row.method !== method && !(row.method === 'GET' && (method === 'HEAD' || target.includes('recent'))))
    return false;
  if (row.method === 'POST' && row.body !== Buffer.from(body, 'latin1').toString('utf8')) return false;
  return valuesOf(row.headers, CROSSING).join('\n') === valuesOf(headers, CROSSING).join('\n');
}

/** What may be sent at all, by whomever. */
function judgeRow({ region, row }: Sent, address: string): void {
  const path = pathOf(row.path);
  must(
    SENDABLE.some((each) => each.method === row.method && each.path.test(path)),
    `${row.method} ${row.path} is in no row of the table`,
  );
  const names = row.headers.map(([name]) => name.toLowerCase());
  must(
    names.every((name) => CROSSING.includes(name) || MADE.includes(name)),
    `headers sent: ${names}`,
  );
  must(
    new Set(names.filter((name) => MADE.includes(name))).size === names.filter((name) => MADE.includes(name)).length,
    `sent twice: ${names}`,
  );
  must(valuesOf(row.headers, ['x-forwarded-for']).join() === `x-forwarded-for: ${address}`, 'a forged address');
  must(
    pinnedIn(row.headers).every((name) => PINNED[name] === region),
    `${pinnedIn(row.headers)} in ${region}`,
  );
  must(row.method !== 'GET' || row.body === '', 'a GET with a body');
}

/** The answers of a connection, in order; every byte of it belongs to one. */
function readAnswers(received: string, { requests, rest }: ReadRequests): ReadAnswer[] {
  const answers: ReadAnswer[] = [];
  for (let at = 0; at < received.length; ) {
    const request = requests[answers.length];
    const isHead = request === undefined ? rest.startsWith('HEAD') : request.method === 'HEAD';
    let answer = readAnswer(received, at, isHead);
    // What the parser itself refuses has no method yet, and its answer a body: the last bytes before the connection ends.
    if (typeof answer !== 'string' && isHead && answer.end < received.length) {
      const whole = readAnswer(received, at, false);
      if (typeof whole !== 'string' && headerOf(whole, 'connection') === 'close' && whole.end === received.length)
        answer = whole;
    }
    must(typeof answer !== 'string', `answer ${answers.length + 1} is ${String(answer)}`);
    answers.push(answer);
    at = answer.end;
  }
  return answers;
}

/**
 * @param sentBytes in latin1, as all text here
 * @param rows what was sent for it to regions, in each in order
 * @returns what the gateway's own record of it must say
 * @throws what does not hold
 */
export function judge(sentBytes: string, received: string, rows: readonly Sent[], address: string): Expected[] {
  const read = readRequests(sentBytes);
  const { requests } = read;
  const answers = readAnswers(received, read);
  for (const sent of rows) judgeRow(sent, address);
  must(answers.length <= requests.length + 1, `${answers.length} answers to ${requests.length} requests`);
  const refused = answers[requests.length];
  // The gateway's own pages wait for no body: they may have been answered before it went wrong.
  const outcome = refused && headerOf(refused, 'onetime-gateway-outcome');
  must(refused === undefined || refused.status >= 400 || outcome === undefined, 'what is no request was served');

  const left = [...rows];
  const expected: Expected[] = [];
  for (const [at, answer] of answers.entries()) {
    const outcome = headerOf(answer, 'onetime-gateway-outcome');
    // To a query that it cannot decode the service answers without a length (case 112): sent, and what came of it not known.
    if (outcome !== 'delivered' && outcome !== 'unknown') continue;
    const request = requests[at];
    must(request !== undefined, 'delivered, but no request');
    const region = headerOf(answer, 'onetime-gateway-region');
    const index = left.findIndex((each) => (region ?? each.region) === each.region && isSame(request, each));
    const [sent] = index === -1 ? [] : left.splice(index, 1);
    must(sent !== undefined, `answer ${at + 1} is ${outcome}, but its request was not sent as it is`);
    must(
      pinnedIn(request.headers).every((name) => PINNED[name] === sent.region),
      'a pinned account’s request elsewhere',
    );
    const route = SENDABLE.filter((each) => each.method === sent.row.method && each.path.test(pathOf(sent.row.path)));
    const requestId = headerOf(answer, 'x-request-id') ?? '';
    expected.push({
      requestId,
      region: sent.region,
      route: new RegExp(`^(?:${route.map(({ id }) => id).join('|')})$`),
      bytes: request.body.length,
    });
  }
  // What is left was asked to verify credentials, or was sent without need.
  must(
    left.every(({ row }) => row.path === ROUTE_OF_ASKING),
    `sent, but answered to nobody: ${left.map(({ row }) => row.path)}`,
  );
  must(left.length <= requests.length, 'asked more often than there are requests');
  return expected;
}
