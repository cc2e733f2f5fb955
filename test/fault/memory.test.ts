// A process that may have so much memory and no more, as the kernel has it: bodies that callers never end must not take all of it.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { CAN_LIMIT_MEMORY, limitMemory } from '../support/cgroup.ts';
import { ALICE } from '../support/lab.ts';
import { NO_LIMITS, openServed, type Served } from '../workers/served.ts';

const MIB = 2 ** 20;
const MEMORY = 'onetime_gateway_pressure{kind="memory"}';
const SHED = 'onetime_gateway_shed_total{class="anonymous",mode="enforce"}';
const STATUS = '/us/api/v1/status';
/** All but the last byte of as much as may be sent. */
const BODY_BYTES = 2 * MIB - 1;
const HEAD = `POST /us/api/v1/share HTTP/1.1\r\nHost: g.example\r\nContent-Length: ${BODY_BYTES + 1}\r\n\r\n`;
const PIECE = Buffer.alloc(64 * 1024, 'x');
const PACE_MS = 100;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

/** What the cgroup is is closed last. */
function endSenders(): void {
  for (const close of closing.splice(1)) close();
}

const OVERLOADED = /^HTTP\/1\.1 503 .*\r\nOnetime-Gateway-Outcome: not_sent\r\n.*"error":"overloaded"/s;
/** More than is taken without room for it. */
const LARGE = `secret=${'x'.repeat(512 * 1024)}`;

/** Who is turned away is so long before. */
const quiet = (): Promise<undefined> => pause(5000, undefined);

/** Sends a body that has no end, piece by piece, until it is answered. @returns the answer */
function sendWithoutEnd(from: Served): Promise<string> {
  const { hostname, port } = new URL(from.url);
  const socket = connect(Number(port), hostname);
  let sent = 0;
  let answer = '';
  const timer = setInterval(() => {
    if (sent < BODY_BYTES && answer === '') socket.write(PIECE.subarray(0, Math.min(PIECE.length, BODY_BYTES - sent)));
    sent += PIECE.length;
  }, PACE_MS);
  const end = (): void => {
    clearInterval(timer);
    socket.destroy();
  };
  closing.push(end);
  socket.on('error', () => {});
  socket.write(HEAD);
  return new Promise((settle) => {
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      if (!answer.endsWith('}')) return;
      end();
      settle(answer);
    });
    socket.on('close', () => settle(answer));
  });
}

describe.skipIf(!CAN_LIMIT_MEMORY).each([1, 2])('with %i worker(s) and a limit of the kernel’s', (workers) => {
  /** @param room for bodies, above what it has when nothing is under way */
  async function open(room: number) {
    const limit = limitMemory(2048 * MIB);
    // After the process has ended.
    closing.push(() => limit[Symbol.dispose]());
    const config = { limits: NO_LIMITS, request: { timeout: '60s' } };
    const from = await openServed({ workers, config, through: limit.through });
    const resident = await from.metric('process_resident_memory_bytes');
    limit.set(resident + room);
    return { from, resident, limit: resident + room, set: limit.set };
  }
  const errorOf = async (from: Served, as?: string): Promise<unknown> =>
    (await from.call('GET', STATUS, { as })).json().error;

  it('takes as many bodies as there is room for, turns others away, and serves who sends little', async () => {
    const { from, resident } = await open(150 * MIB);
    await using process = from;
    // The limit that was set last is known.
    await expect.poll(() => process.metric(MEMORY), { timeout: 8000 }).toBeGreaterThan(0.4);
    process.us.clearLedger();
    // Twice as much as there is room for, all at once and fast.
    const senders = Array.from({ length: 150 }, () => sendWithoutEnd(process));
    const turnedAway = await Promise.all(senders.map((answer) => Promise.race([answer, quiet()])));
    const answers = turnedAway.filter((answer) => answer !== undefined);
    expect(answers.length).toBeGreaterThan(75);
    for (const answer of answers) expect(answer).toMatch(OVERLOADED);
    // Beyond the limit the kernel would have ended it.
    expect(await process.metric('process_resident_memory_bytes')).toBeGreaterThan(resident);

    // Buffers take more than what is in them: those that were taken may have been let go of, too, for a moment.
    await expect.poll(() => errorOf(process), { timeout: 15_000 }).toBeUndefined();
    for (const as of [undefined, ALICE]) {
      expect((await process.call('POST', '/us/api/v1/share', { as, body: 'secret=x' })).status).toBe(200);
    }
    expect(process.us.requests.filter(({ method }) => method === 'POST')).toHaveLength(2);
    endSenders();
    await expect
      .poll(async () => (await process.call('POST', '/us/api/v1/share', { body: LARGE })).status, { timeout: 10_000 })
      .toBe(200);
    expect((await process.stop('SIGTERM')).code).toBe(0);
  }, 60_000);

  it('lets go of bodies that are under way when it is full after all, and goes on', async () => {
    const { from, limit, set } = await open(1024 * MIB);
    await using process = from;
    process.us.clearLedger();
    const answers = Promise.all(Array.from({ length: 40 }, () => sendWithoutEnd(process)));
    await expect
      .poll(() => process.metric('process_resident_memory_bytes'), { timeout: 20_000 })
      .toBeGreaterThan(limit - 1024 * MIB + 60 * MIB);
    // As an operator does who resizes a container.
    set((await process.metric('process_resident_memory_bytes')) + 12 * MIB);
    for (const answer of await answers) expect(answer).toMatch(OVERLOADED);
    expect(await process.metric(SHED)).toBeGreaterThanOrEqual(40);
    expect(process.us.requests).toEqual([]);
    await expect.poll(() => errorOf(process), { timeout: 25_000 }).toBeUndefined();
    expect((await process.stop('SIGTERM')).code).toBe(0);
  }, 90_000);

  it('serves as many as there is room for', async () => {
    const { from, resident } = await open(1024 * MIB);
    await using process = from;
    for (let count = 0; count < 20; count++) void sendWithoutEnd(process);
    await expect
      .poll(() => process.metric('process_resident_memory_bytes'), { timeout: 20_000 })
      .toBeGreaterThan(resident + 30 * MIB);
    expect([await errorOf(process), await errorOf(process, ALICE)]).toEqual([undefined, undefined]);
    endSenders();
    expect(await process.metric(SHED)).toBe(0);
    expect((await process.stop('SIGTERM')).code).toBe(0);
  }, 60_000);
});
