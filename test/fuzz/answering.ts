// A region that answers what it is told to, by what it is asked, behind a gateway; and callers that come twice.
import { connect } from 'node:net';
import { openBrokenRegion } from '../support/broken-region.ts';
import { type Lab, openLab } from '../support/lab.ts';
import type { Random } from './random.ts';
import { sendInPieces, within } from './run.ts';
import { headerOf, type ReadAnswer } from './strict.ts';

const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF };
const BOUND_MS = 15_000;
/** The gateway's bounds: longer heads, trailers and lines of chunks are not taken, however good they are. */
export const MOST_READ = 4000;

export interface Answering {
  readonly text: string;
  /** What the region does behind it. */
  readonly ending: 'keep' | 'end' | 'reset';
  readonly random: Random;
}

/** Two ways to ask; each says a word that tells the request from all others. */
const ASKS = {
  api(said: string, more: string): string {
    const body = `secret=${said}`;
    return `POST /us/api/v1/share HTTP/1.1\r\nHost: gateway\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
  },
  page: (said: string, more: string): string => `GET /help/${said} HTTP/1.1\r\nHost: gateway\r\n${more}\r\n`,
};
const SAID = /(?:secret=|^GET \/help\/)([\w-]+)/;

export interface AnsweringRegion extends AsyncDisposable {
  readonly lab: Lab;
  /** By the word of the request. One that is not among them is answered with its word. */
  readonly answering: Map<string, Answering>;
  /** One call that gets a wrong answer, and right behind it one that gets a good one; every byte that came for them. */
  callTwice(way: keyof typeof ASKS, wrong: string, good: string): Promise<string>;
  /** The words of what the region was asked since the last time, but for the gateway's own questions how it is. */
  takeAsked(): string[];
}

export async function openAnsweringRegion(): Promise<AnsweringRegion> {
  const answering = new Map<string, Answering>();
  const region = await openBrokenRegion((socket, request) => {
    const said = SAID.exec(request)?.[1] ?? '';
    const wrong = answering.get(said);
    if (wrong === undefined) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${said.length}\r\n\r\n${said}`);
      return;
    }
    const { text, ending, random } = wrong;
    // In pieces only up to the body: what comes behind a whole answer comes with it, as nobody could tell it apart later.
    const head = text.indexOf('\r\n\r\n');
    void sendInPieces((piece) => void socket.write(piece), text, random, head === -1 ? text.length : head).then(() => {
      if (ending === 'end') socket.end();
      if (ending === 'reset') socket.resetAndDestroy();
    });
  });
  const lab = await openLab({
    upstreams: { us: [region.url] },
    config: {
      limits: LIMITS,
      errors: 'verbatim',
      health: { breaker: { mode: 'off' } },
      passthrough: [{ prefix: '/help', region: 'us' }],
      // Few, so that who comes next is sent over what the one before has left.
      upstream: { headersTimeout: '300ms', bodyTimeout: '300ms', connections: 64 },
    },
  });

  return {
    lab,
    answering,
    async callTwice(way, wrong, good) {
      const { hostname, port } = new URL(lab.gateway.url);
      const socket = connect({ host: hostname, port: Number(port) });
      let received = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        received += chunk;
      });
      socket.on('error', () => {});
      const closed = new Promise<string>((done) => socket.on('close', () => done(received)));
      socket.write(ASKS[way](wrong, '') + ASKS[way](good, 'Connection: close\r\n'));
      return within(closed, BOUND_MS, 'a connection').finally(() => socket.destroy());
    },
    takeAsked() {
      const requests = region.received.splice(0).filter((request) => !request.startsWith('GET /api/v1/status '));
      return requests.map((request) => SAID.exec(request)?.[1] ?? request);
    },
    async [Symbol.asyncDispose]() {
      await lab.close();
      await region.close();
    },
  };
}

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/**
 * What holds for the caller behind that of a wrong answer. Its connection may just be ending, and so may the one that is
 * taken in its place: then it is told so. Another's answer it never gets.
 */
export function mustBeOwn(answer: ReadAnswer, good: string): void {
  const isDelivered = headerOf(answer, 'onetime-gateway-outcome') === 'delivered';
  must(
    isDelivered ? answer.status === 200 && answer.body === good : answer.status >= 502,
    `the next one: ${answer.status}, ${answer.body}`,
  );
}

/** @returns words that were asked more than once */
export function repeatedIn(asked: readonly string[]): string[] {
  const seen = new Set<string>();
  return asked.filter((word) => seen.size === seen.add(word).size);
}
