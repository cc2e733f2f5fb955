// Programs of a measurement: what they print goes into a file, so that nobody spends time on reading it.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isFree, takePort } from '../../test/support/ports.ts';
import { onCore } from './machine.ts';

const READY_WITHIN_MS = 30_000;
const END_WITHIN_MS = 5000;
const POLL_MS = 20;
const PORT_ATTEMPTS = 5;

export interface LaunchOptions {
  /** Of what it prints, in `folder`. */
  readonly name: string;
  readonly folder: string;
  readonly core: number | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly hasEnded: boolean;
  readonly ended: Promise<void>;
  /** Everything printed so far. */
  printed(): string;
  /** The first match in what was printed. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Settles when it accepts connections. */
  accepts(port: number): Promise<void>;
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  // Asked first: a killed nginx leaves its worker behind.
  child.kill('SIGTERM');
  const bound = new AbortController();
  const late = delay(END_WITHIN_MS, undefined, { signal: bound.signal }).catch(() => {});
  await Promise.race([ended, late]);
  bound.abort();
  child.kill('SIGKILL');
  await ended;
}

/** Starts a program that runs until it is disposed of. */
export function launch(command: string, args: readonly string[], options: LaunchOptions): Child {
  const file = join(options.folder, `${options.name.replaceAll('/', '-')}.out`);
  const output = openSync(file, 'w');
  const [program, all] = onCore(options.core, command, args);
  const child = spawn(program, all, {
    cwd: options.folder,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  let hasEnded = false;
  const ended = new Promise<void>((settle) => {
    const note = (): void => {
      hasEnded = true;
      settle();
    };
    child.on('exit', note);
    child.on('error', note);
  });
  const printed = (): string => readFileSync(file, 'utf8');

  /** Polls until `look` finds something. */
  async function found<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
    const untilMs = performance.now() + READY_WITHIN_MS;
    for (;;) {
      const value = await look();
      if (value !== undefined) return value;
      if (hasEnded || performance.now() > untilMs) {
        throw new Error(
          `${options.name} ${hasEnded ? 'ended' : 'waited'} without ${what}: ${printed().slice(0, 2000)}`,
        );
      }
      await delay(POLL_MS);
    }
  }

  return {
    pid: child.pid ?? 0,
    get hasEnded() {
      return hasEnded;
    },
    ended,
    printed,
    says: (pattern) => found(`${pattern}`, () => pattern.exec(printed()) ?? undefined),
    accepts: (port) => found(`port ${port}`, async () => ((await canConnect(port)) ? true : undefined)).then(() => {}),
    [Symbol.asyncDispose]: () => (hasEnded ? Promise.resolve() : end(child, ended)),
  };
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => settle(true));
    socket.on('error', () => settle(false));
    socket.on('connect', () => socket.destroy());
  });
}

/** Ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const taken = await Promise.all(Array.from({ length: count }, takePort));
  await Promise.all(taken.map((port) => port[Symbol.asyncDispose]()));
  return taken.map(({ port }) => port);
}

export interface Listening extends AsyncDisposable {
  readonly ports: readonly number[];
  readonly pid: number;
}

/** For programs that have to be told their ports: tries others where somebody took one in between. */
export async function launchOn(count: number, start: (ports: readonly number[]) => Child): Promise<Listening> {
  for (let attempt = 1; ; attempt++) {
    const ports = await freePorts(count);
    const child = start(ports);
    try {
      for (const port of ports) await child.accepts(port);
      return { ports, pid: child.pid, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
    } catch (error) {
      await child[Symbol.asyncDispose]();
      const taken = await Promise.all(ports.map((port) => isFree(port).then((free) => !free)));
      if (attempt === PORT_ATTEMPTS || !taken.includes(true)) throw error;
    }
  }
}
