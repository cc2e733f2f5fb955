// What systemd is told of a gateway that it has started: that it listens, reloads, stops, and that it still answers callers.
// Its socket takes datagrams, and Node has no such sockets for paths: `systemd-notify`, which comes with systemd, sends them.
// A shell is kept that starts it, begun while the gateway is small: to start a process from a large one stops its event loop
// for as long as it takes to copy the tables of its memory, 8 ms at 300 MB. The unit needs NotifyAccess=all for that.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Logger } from 'pino';
import type { Gateway } from '../gateway.ts';

/** A message a line, its parts separated by tabs; answers with the exit code. */
const SHELL = `
tab=$(printf '\\t')
while IFS=$tab read -r first second; do
  systemd-notify "$first" \${second:+"$second"}
  echo $?
done`;
/** systemd-notify waits up to 5 s for systemd by itself. */
const PATIENCE_MS = 6000;
/** Of the time after which systemd gives up, so that two beats may come late. */
const BEATS = 3;

export interface NotifyOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** CLOCK_MONOTONIC in nanoseconds, as `process.hrtime.bigint`. */
  readonly now: () => bigint;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

export interface Supervised {
  /** As the gateway's own; systemd is told when it begins and when it is over. Nothing waits for systemd. */
  readonly reload: Gateway['reload'];
  /** The gateway drains from now on, and the watchdog is not told any more. */
  stopping(): void;
  /** Resolves when all has been said, or cannot be; within some seconds in any case. */
  end(): Promise<void>;
}

type Shell = ChildProcessByStdio<Writable, Readable, null>;

/** It is given nothing of the environment but what it needs: keys and passwords stand there, too. */
function startShell({ PATH, NOTIFY_SOCKET }: NotifyOptions['env']): Shell {
  return spawn('/bin/sh', ['-c', SHELL], { env: { PATH, NOTIFY_SOCKET }, stdio: ['pipe', 'pipe', 'ignore'] });
}

interface Sender {
  /** Sends one after the other, as they come. Resolves when it is sent, or cannot be; never rejects. */
  say(first: string, second?: string): Promise<void>;
  /** Nothing is said any more. Resolves when all was, or too much time has passed. */
  end(): Promise<void>;
}

interface Line {
  readonly shell: Shell;
  /** Of what it has not answered yet. */
  readonly waiting: (() => void)[];
  readonly over: Promise<void>;
}

/**
 * What cannot be sent is logged once, until it can be again. A shell that was killed, or for which there were no descriptors,
 * is replaced for the next message.
 */
function createSender({ env, log }: NotifyOptions): Sender {
  let isFailing = false;
  let line = begin();

  function failed(cause: string): void {
    const hint = 'is systemd-notify on PATH, and has the unit NotifyAccess=all?';
    if (!isFailing) log.warn({ cause, hint }, 'systemd cannot be told how the gateway is');
    isFailing = true;
  }

  /** Undefined where no descriptor is left for it. */
  function begin(): Line | undefined {
    const shell = startShell(env);
    shell.on('error', ({ message }) => failed(message));
    // There are no pipes then, whatever their type says.
    if (shell.stdin === undefined) return undefined;
    const waiting: (() => void)[] = [];
    const over = new Promise<void>((settle) => shell.once('close', settle)).then(() => {
      if (waiting.length > 0) failed('the shell that starts systemd-notify has ended');
      for (const settle of waiting.splice(0)) settle();
    });
    // That nobody reads is heard by its end.
    shell.stdin.on('error', () => {});
    createInterface({ input: shell.stdout }).on('line', (code) => {
      if (code === '0') isFailing = false;
      else failed(`systemd-notify ended with ${code}`);
      waiting.shift()?.();
    });
    return { shell, waiting, over };
  }

  return {
    say(first, second = '') {
      if (!line?.shell.stdin.writable) line = begin();
      if (line === undefined) return Promise.resolve();
      const { shell, waiting } = line;
      return new Promise((settle) => {
        waiting.push(settle);
        shell.stdin.write(`${first}\t${second}\n`);
      });
    },
    async end() {
      if (line === undefined) return;
      const { shell, over } = line;
      shell.stdin.end();
      const timer = setTimeout(() => shell.kill('SIGKILL'), PATIENCE_MS);
      await over;
      clearTimeout(timer);
    },
  };
}

/** How often systemd wants to hear of the gateway, in milliseconds; undefined where it has no watchdog for this process. */
export function watchdogMs(env: NotifyOptions['env'], pid: number): number | undefined {
  const { WATCHDOG_USEC: usec = '', WATCHDOG_PID: whose } = env;
  if (whose !== undefined && whose !== String(pid)) return undefined;
  const ms = /^\d{1,15}$/.test(usec) ? Number(usec) / 1000 / BEATS : 0;
  // A timer of Node's is at most 2^31 ms.
  return ms >= 1 ? Math.min(ms, 2 ** 31 - 1) : undefined;
}

/**
 * Tells systemd while callers are answered. This thread's event loop has to turn for that, and one worker at least to
 * answer: when all hang, nobody else ends them.
 * @returns ends it
 */
function keepWatchdog(isReady: () => boolean, say: () => Promise<void>, options: NotifyOptions): () => void {
  const everyMs = watchdogMs(options.env, options.pid);
  if (everyMs === undefined) return () => {};
  let isSaying = false;
  let wasReady = true;
  const timer = setInterval(() => {
    const ready = isReady();
    if (!ready && wasReady) options.log.warn('nobody answers callers: the watchdog of systemd is not told any more');
    wasReady = ready;
    if (!ready || isSaying) return;
    isSaying = true;
    void say().then(() => {
      isSaying = false;
    });
  }, everyMs).unref();
  return () => clearInterval(timer);
}

/**
 * For a gateway that listens, and was started with NOTIFY_SOCKET (sd_notify(3)); elsewhere nothing of this is loaded. A socket
 * that is away or wrong is logged, and disturbs nothing.
 */
export function supervise(gateway: Pick<Gateway, 'isReady' | 'reload'>, options: NotifyOptions): Supervised {
  const { say, end } = createSender(options);
  void say('READY=1', 'STATUS=Answers callers.');
  const stopWatchdog = keepWatchdog(gateway.isReady, () => say('WATCHDOG=1'), options);
  const { reload } = gateway;
  let isStopping = false;
  let under = 0;

  async function told(actor: string, original: NonNullable<typeof reload>) {
    if (isStopping) return original(actor);
    // In microseconds, and read now: systemd takes it for an answer to its signal only when it is later than that.
    void say('RELOADING=1', `MONOTONIC_USEC=${options.now() / 1000n}`);
    under++;
    const report = await original(actor);
    under--;
    // Who has said that it stops is not to be taken for ready again.
    if (under > 0 || isStopping) return report;
    const refused = report.result === 'refused';
    const status = refused ? 'The last reload was refused: the log says why.' : 'Answers callers.';
    void say('READY=1', `STATUS=${status}`);
    return report;
  }

  return {
    reload: reload && ((actor) => told(actor, reload)),
    stopping() {
      isStopping = true;
      stopWatchdog();
      void say('STOPPING=1', 'STATUS=Answers what is under way.');
    },
    end,
  };
}
