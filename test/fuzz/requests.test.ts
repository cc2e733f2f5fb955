// Callers that send anything: bytes made from good requests, over sockets. FUZZ_SECONDS=600 goes on for longer, FUZZ_SEED=N
// repeats a run.
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Twin } from '../../src/twin/twin.ts';
import { call } from '../support/http.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { until } from '../support/redis.ts';
import { type Expected, judge, type Sent } from './judge.ts';
import { mutated } from './mutate.ts';
import type { Random } from './random.ts';
import { fuzz, runsOf, seedsOf, sendInPieces, shown, within } from './run.ts';
import { type ReadRequest, readAnswer, readRequests } from './strict.ts';

const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF };
const LANES = 96;
/** Every connection is answered and closed by then: the gateway waits half a second for what does not come. */
const BOUND_MS = 10_000;
/** Behind everything: whether the gateway still knows where a request begins, and that the connection comes to its end. */
const LAST = 'GET /us/api/v1/status HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n';

const seeds = seedsOf('requests');
let lab: Lab;
beforeAll(async () => {
  lab = await openLab({ config: { limits: LIMITS, request: { timeout: '500ms' }, log: { level: 'info' } } });
});
afterAll(() => lab.close());

/** What regions were sent, by the address of the connection that it was sent for. */
const sentFor = new Map<string, Sent[]>();
function collect(region: 'us' | 'eu', twin: Twin): void {
  for (const row of twin.requests) {
    const address = row.headers.find(([name]) => name === 'x-forwarded-for')?.[1] ?? '';
    const rows = sentFor.get(address) ?? [];
    rows.push({ region, row });
    sentFor.set(address, rows);
  }
  twin.clearLedger();
}

/** A loopback address for each connection, since the region is told the address. */
let connections = 0;
function nextAddress(): string {
  const at = connections++;
  return `127.${1 + ((at >> 16) % 250)}.${(at >> 8) & 255}.${at & 255}`;
}

function countAnswers(received: string, requests: readonly ReadRequest[]): number {
  let count = 0;
  for (let at = 0; at < received.length; count++) {
    const answer = readAnswer(received, at, requests[count]?.method === 'HEAD');
    if (typeof answer === 'string') break;
    at = answer.end;
  }
  return count;
}

async function exchange(text: string, random: Random, address: string): Promise<string> {
  const { hostname, port } = new URL(lab.gateway.url);
  const socket = connect({ host: hostname, port: Number(port), localAddress: address, noDelay: true });
  let received = '';
  const { requests, rest } = readRequests(text);
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk;
    // What was to come last may have become part of another request: then nothing else ends the connection.
    if (rest === '' && countAnswers(received, requests) >= requests.length) socket.end();
  });
  socket.on('error', () => {});
  const closed = new Promise<string>((done) => socket.on('close', () => done(received)));
  await sendInPieces((piece) => void socket.write(piece), text, random);
  return within(closed, BOUND_MS, 'a connection').finally(() => socket.destroy());
}

/** What the access log has to say, and what it says, by request id: whichever comes first waits for the other. */
const awaited = new Map<string, Expected>();
const told = new Map<string, Readonly<Record<string, unknown>>>();
function compareLog(): void {
  for (const text of lab.log.splice(0)) {
    const line = JSON.parse(text) as Record<string, unknown>;
    if (line.outcome !== 'not_sent') told.set(String(line.request_id), line);
  }
  for (const [id, expected] of awaited) {
    const line = told.get(id);
    if (line === undefined) continue;
    told.delete(id);
    awaited.delete(id);
    expect(line).toMatchObject({ region: expected.region, request_bytes: expected.bytes });
    expect(line.route).toMatch(expected.route);
  }
}

it('has seeds that a strict reader takes', () => {
  expect(seeds.length).toBeGreaterThan(15);
  for (const seed of seeds) expect(readRequests(seed + LAST).requests.length, seed).toBeGreaterThan(1);
});

it.each(runsOf(6000, 6))(
  'from good requests, made wrong, nothing odd is sent anywhere (seed $seed)',
  async (run) => {
    const tally = { delivered: 0, refused: 0 };
    const done = await fuzz(run, LANES, async (random, turn) => {
      const address = nextAddress();
      const text = mutated(seeds, random) + LAST;
      let received = '';
      let rows: readonly Sent[] = [];
      try {
        received = await exchange(text, random, address);
        collect('us', lab.us);
        collect('eu', lab.eu);
        rows = sentFor.get(address) ?? [];
        sentFor.delete(address);
        const expected = judge(text, received, rows, address);
        for (const each of expected) awaited.set(each.requestId, each);
        tally.delivered += expected.length;
        if (/^HTTP\/1\.1 4/m.test(received)) tally.refused++;
      } catch (cause) {
        const sent = rows.map(({ region, row }) => [region, row.method, row.path, row.headers, row.body]);
        throw new Error(shown(cause, { sent: text, received, rows: sent }));
      }
      if (turn % 64 === 0) compareLog();
    });
    process.stdout.write(
      `fuzz: ${done} connections, ${tally.delivered} requests delivered, ${tally.refused} connections refused\n`,
    );
    expect(done).toBeGreaterThan(100);
    expect(tally.delivered).toBeGreaterThan(done / 10);
    expect(tally.refused).toBeGreaterThan(done / 10);
    // What was answered is recorded a moment later, as what it was read as.
    await until(() => {
      compareLog();
      return awaited.size === 0;
    });
    // Rows of nobody, such as what is sent after its caller has its answer.
    collect('us', lab.us);
    collect('eu', lab.eu);
    expect([...sentFor.keys()].filter((address) => address !== '')).toEqual([]);
    expect((await call(lab.gateway.url, 'GET', '/us/api/v1/status')).status).toBe(200);
    lab.clearLedgers();
    expect(await lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
  },
  3_600_000,
);
