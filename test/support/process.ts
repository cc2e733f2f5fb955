// Programs as child processes: started, read line by line, ended by their own id.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = `${ROOT}src/main.ts`;

export interface Exit {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** Everything printed so far, on both streams. */
  output(): string;
  stdout(): string;
  stderr(): string;
  /** The match of `pattern` in a printed line, once there is one; rejects when the program ends without. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<Exit>;
}

export interface StartOptions {
  readonly cwd?: string;
  /** Added to this process's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A program and its arguments that runs the one that is to be started, and becomes it: `sh -c 'ulimit ...; exec "$@"' sh`. */
  readonly through?: readonly string[];
}

function collect(child: ChildProcess) {
  const printed = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      printed[stream] += text;
      for (const watcher of watchers) watcher();
    });
  }
  return { printed, watchers };
}

/** Starts a program; resolves when it runs. Its standard input is empty. Dispose of it to be sure that it is gone. */
export async function start(
  command: string,
  args: readonly string[],
  { cwd = ROOT, env, through = [] }: StartOptions = {},
): Promise<Running> {
  const [first = command, ...others] = [...through, command, ...args];
  const child = spawn(first, others, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const { printed, watchers } = collect(child);
  const exited = new Promise<Exit>((settle) => child.on('close', (code, signal) => settle({ code, signal })));
  const pid = await new Promise<number>((settle, reject) => {
    child.on('spawn', () => settle(child.pid ?? 0));
    child.on('error', reject);
  });
  const output = (): string => printed.stdout + printed.stderr;
  return {
    pid,
    output,
    stdout: () => printed.stdout,
    stderr: () => printed.stderr,
    exited,
    kill: (signal) => void child.kill(signal),
    line(pattern) {
      return new Promise((settle, reject) => {
        const look = (): void => {
          const match = pattern.exec(output());
          if (match === null) return;
          watchers.delete(look);
          settle(match);
        };
        watchers.add(look);
        void exited.then(() => reject(new Error(`ended without ${pattern}:\n${output()}`)));
        look();
      });
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Starts `onetime-gateway` from the sources, with this Node. */
export function startCli(args: readonly string[], options?: StartOptions): Promise<Running> {
  return start(process.execPath, [MAIN, ...args], options);
}

export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function run(command: string, args: readonly string[], options?: StartOptions): Promise<Finished> {
  const running = await start(command, args, options);
  const exit = await running.exited;
  return { ...exit, stdout: running.stdout(), stderr: running.stderr() };
}

/** Runs `onetime-gateway` from the sources to its end. */
export function runCli(args: readonly string[], options?: StartOptions): Promise<Finished> {
  return run(process.execPath, [MAIN, ...args], options);
}

/** Whether a process of that id is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
