// A port that several threads of one gateway listen on, and nobody else. With `reusePort` the system lets any process of
// the same user listen beside the others, and spreads the connections over all: a second gateway that was started by
// mistake would take half of the callers without a word. So it is looked first whether the port is free.
import { type AddressInfo, createServer, type ListenOptions, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface ClaimedPort extends Place {
  /** All threads listen. */
  started(): void;
  /** Lets another gateway have it. */
  release(): void;
}

/** Another gateway that is just starting on this port is waited for, until it listens or has given up. */
const START_WAIT_MS = 10_000;
const START_EVERY_MS = 20;
/** Of the system's choice, one that another program takes before the threads do is given up for another. */
const TRIES = 5;

function listen(options: ListenOptions): Promise<Server> {
  return new Promise((settle, reject) => {
    // Nobody is served here.
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen(options, () => settle(server));
  });
}

function end(server: Server): Promise<void> {
  return new Promise((settle) => {
    server.close(() => settle());
  });
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

/** As a listener on a port that is taken says it. */
function taken({ host, port }: Place): Error {
  const facts = { code: 'EADDRINUSE', syscall: 'listen', address: host, port };
  return Object.assign(new Error(`listen EADDRINUSE: address already in use ${host}:${port}`), facts);
}

interface Name {
  release(): void;
}

const NOTHING_HELD: Name = { release: () => {} };

/** A name that one process of this machine has at a time: the system takes it back when the process ends. Linux alone. */
async function hold(name: string): Promise<Name | 'taken'> {
  if (process.platform !== 'linux') return NOTHING_HELD;
  try {
    const server = await listen({ path: `\0onetime-gateway ${name}` });
    server.unref();
    return { release: () => void server.close() };
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') return 'taken';
    throw error;
  }
}

/** Gateways that start on one port do so one after the other, also where their addresses are not the same. */
async function inTurn(port: number): Promise<Name> {
  for (let waitedMs = 0; ; waitedMs += START_EVERY_MS) {
    const name = await hold(`starts on ${port}`);
    if (name !== 'taken') return name;
    if (waitedMs >= START_WAIT_MS) return NOTHING_HELD;
    await pause(START_EVERY_MS);
  }
}

/** Listens where nobody else does, for a moment. @throws EADDRINUSE, EACCES, EADDRNOTAVAIL with `address` and `port` */
async function lookAt({ host, port }: Place): Promise<number> {
  const server = await listen({ host, port, exclusive: true });
  const found = (server.address() as AddressInfo).port;
  await end(server);
  return found;
}

async function canBeShared({ host, port }: Place): Promise<boolean> {
  try {
    await end(await listen({ host, port, reusePort: true }));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOTSUP' || codeOf(error) === 'EINVAL') return false;
    throw error;
  }
}

/**
 * Makes sure that nobody listens there, and that nobody else does so by this same way until it is released.
 * @param place port 0: one of the system's choice
 * @returns `alone`: on this platform one thread alone can listen on a port
 * @throws the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL) with `address` and `port`
 */
export async function claimPort(place: Place): Promise<ClaimedPort | 'alone'> {
  for (let tries = 1; ; tries++) {
    try {
      return await claim(place);
    } catch (error) {
      if (place.port !== 0 || codeOf(error) !== 'EADDRINUSE' || tries === TRIES) throw error;
    }
  }
}

async function claim({ host, port: wanted }: Place): Promise<ClaimedPort | 'alone'> {
  const port = wanted === 0 ? await lookAt({ host, port: wanted }) : wanted;
  const place = { host, port };
  const turn = await inTurn(port);
  const name = await hold(`on ${host}:${port}`);
  try {
    if (name === 'taken') throw taken(place);
    await lookAt(place);
    if (await canBeShared(place)) return { ...place, started: turn.release, release: name.release };
    name.release();
    turn.release();
    return 'alone';
  } catch (error) {
    if (name !== 'taken') name.release();
    turn.release();
    throw error;
  }
}
