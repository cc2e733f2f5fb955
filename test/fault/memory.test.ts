// A process that may have so much memory and no more, as the kernel has it: bodies that callers never end must not take all of it.
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { CAN_LIMIT_MEMORY, limitMemory } from '../support/cgroup.ts';
import { call } from '../support/http.ts';
import { ALICE } from '../support/lab.ts';
import { NO_LIMITS, openServed, type Served } from '../workers/served.ts';

const MIB = 2 ** 20;
const MEMORY = 'onetime_gateway_pressure{kind="memory"}';
const STATUS = '/us/api/v1/status';
/** All but the last byte of as much as may be sent. */
const BODY = Buffer.alloc(2 * MIB - 1, 'x');
const HEAD = `POST /us/api/v1/share HTTP/1.1\r\nHost: g.example\r\nContent-Length: ${BODY.length + 1}\r\n\r\n`;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Sends bodies that have no end, each on a connection of its own. @returns ends them */
function sendWithoutEnd(from: Served, count: number): () => void {
  const { hostname, port } = new URL(from.url);
  const sockets = Array.from({ length: count }, (): Socket => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write(HEAD);
    socket.write(BODY);
    return socket;
  });
  const end = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  closing.push(end);
  return end;
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
    return { from, resident };
  }
  const errorOf = async (from: Served, as?: string): Promise<unknown> =>
    (await from.call('GET', STATUS, { as })).json().error;

  it('turns callers without an account away when bodies fill it, and takes them again when these are gone', async () => {
    const { from } = await open(150 * MIB);
    await using process = from;
    expect(await errorOf(process)).toBeUndefined();
    await expect.poll(() => process.metric(MEMORY), { timeout: 8000 }).toBeGreaterThan(0);
    expect(await process.metric(MEMORY)).toBeLessThan(1);

    process.us.clearLedger();
    const end = sendWithoutEnd(process, 70);
    await expect.poll(() => errorOf(process), { timeout: 20_000 }).toBe('overloaded');
    expect(await process.metric(MEMORY)).toBeGreaterThanOrEqual(1);
    expect(await process.metric('onetime_gateway_pressure{kind="heap"}')).toBeLessThan(0.5);
    for (const path of ['/livez', '/readyz']) expect((await call(process.adminUrl, 'GET', path)).status).toBe(200);

    end();
    await expect.poll(() => errorOf(process), { timeout: 25_000 }).toBeUndefined();
    expect(await process.metric(MEMORY)).toBeLessThan(1);
    // Of all those bodies nothing had been sent.
    expect(process.us.requests.filter(({ method }) => method === 'POST')).toEqual([]);
    expect(await errorOf(process, ALICE)).toBeUndefined();
    expect((await process.stop('SIGTERM')).code).toBe(0);
  }, 90_000);

  it('serves as many as there is room for', async () => {
    const { from, resident } = await open(1024 * MIB);
    await using process = from;
    const end = sendWithoutEnd(process, 20);
    await expect.poll(() => process.metric('process_resident_memory_bytes')).toBeGreaterThan(resident + 30 * MIB);
    expect([await errorOf(process), await errorOf(process, ALICE)]).toEqual([undefined, undefined]);
    end();
    expect(await process.metric('onetime_gateway_shed_total{class="anonymous",mode="enforce"}')).toBe(0);
    expect((await process.stop('SIGTERM')).code).toBe(0);
  }, 60_000);
});
