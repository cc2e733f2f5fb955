// The faults between gateway and region, by name. What is left to chance comes from seeded numbers, so that a run can be
// repeated.
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Behaviour, Exchange, PassedOn } from '../support/fault-proxy.ts';

/** Numbers from 0 up to 1, the same ones for the same seed (mulberry32). */
export type Chance = () => number;

export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a caller who stays is told, when the fault happened to its request. */
export type Told = 'delivered' | 'unknown';

interface FaultRow {
  readonly passesOn: PassedOn;
  readonly told: Told;
  readonly finish: (exchange: Exchange, chance: Chance) => void | Promise<void>;
}

const reset = ({ socket }: Exchange): void => void socket.resetAndDestroy();
const stall = (): void => {};

/** Writes bytes, then closes or resets the connection. */
function breakOff(socket: Socket, bytes: Buffer, chance: Chance): void {
  if (chance() < 0.5) socket.end(bytes);
  else socket.write(bytes, () => socket.resetAndDestroy());
}

const bodyOf = (answer: Buffer): number => answer.indexOf('\r\n\r\n') + 4;
const upToHalf = (answer: Buffer): Buffer => answer.subarray(0, Math.floor((bodyOf(answer) + answer.length) / 2));

const JUNK = [
  'SSH-2.0-OpenSSH_9.9\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}   ',
  'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  // Whole, for all that can be seen; but its length was not said.
  'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"value":"who knows"}',
] as const;

function garbage(chance: Chance): Buffer {
  const which = Math.floor(chance() * (JUNK.length + 1));
  const junk = JUNK[which];
  return junk === undefined
    ? Buffer.from(Array.from({ length: 300 }, () => Math.floor(chance() * 256)))
    : Buffer.from(junk);
}

async function dribble({ socket, answer }: Exchange, chance: Chance): Promise<void> {
  const size = Math.ceil(answer.length / (20 + 20 * chance()));
  socket.setNoDelay(true);
  for (let at = 0; at < answer.length && !socket.destroyed; at += size) {
    socket.write(answer.subarray(at, at + size));
    await turn();
  }
}

/** The keep-alive race: the next request may be on its way on this connection already. */
async function closeAfterAnswer({ socket, answer }: Exchange, chance: Chance): Promise<void> {
  await new Promise((done) => socket.write(answer, done));
  for (let turns = Math.floor(chance() * 6); turns > 0; turns--) await turn();
  // A reset right away could overtake the answer, and then it was not whole.
  socket.end();
}

const ROWS = {
  none: { passesOn: 'whole', told: 'delivered', finish: ({ socket, answer }) => void socket.write(answer) },
  'reset before the request is read': { passesOn: 'nothing', told: 'unknown', finish: reset },
  'reset in the middle of the request': { passesOn: 'half', told: 'unknown', finish: reset },
  'stall before the request is passed on': { passesOn: 'nothing', told: 'unknown', finish: stall },
  'reset before the answer': { passesOn: 'whole', told: 'unknown', finish: reset },
  'close before the answer': { passesOn: 'whole', told: 'unknown', finish: ({ socket }) => void socket.end() },
  'stall before the answer': { passesOn: 'whole', told: 'unknown', finish: stall },
  'stall in the middle of the answer': {
    passesOn: 'whole',
    told: 'unknown',
    finish: ({ socket, answer }) => void socket.write(upToHalf(answer)),
  },
  'answer cut after its head': {
    passesOn: 'whole',
    told: 'unknown',
    finish: ({ socket, answer }, chance) => breakOff(socket, answer.subarray(0, bodyOf(answer)), chance),
  },
  'answer cut in its body': {
    passesOn: 'whole',
    told: 'unknown',
    finish: ({ socket, answer }, chance) => breakOff(socket, upToHalf(answer), chance),
  },
  'answer one byte short': {
    passesOn: 'whole',
    told: 'unknown',
    finish: ({ socket, answer }, chance) => breakOff(socket, answer.subarray(0, -1), chance),
  },
  'garbage for an answer': {
    passesOn: 'whole',
    told: 'unknown',
    finish: ({ socket }, chance) => breakOff(socket, garbage(chance), chance),
  },
  'answer dribbled': { passesOn: 'whole', told: 'delivered', finish: dribble },
  'answer sent twice': {
    passesOn: 'whole',
    told: 'delivered',
    finish: ({ socket, answer }) => void socket.write(Buffer.concat([answer, answer])),
  },
  'close after the answer': { passesOn: 'whole', told: 'delivered', finish: closeAfterAnswer },
} as const satisfies Record<string, FaultRow>;

export type Fault = keyof typeof ROWS;
export const FAULTS = Object.keys(ROWS) as readonly Fault[];
export const toldAfter = (fault: Fault): Told => ROWS[fault].told;
/** Whether the region acts on the request. */
export const reachesRegion = (fault: Fault): boolean => ROWS[fault].passesOn === 'whole';

export function behaviourOf(fault: Fault, chance: Chance): Behaviour {
  const row: FaultRow = ROWS[fault];
  return { passesOn: row.passesOn, finish: (exchange) => row.finish(exchange, chance) };
}
