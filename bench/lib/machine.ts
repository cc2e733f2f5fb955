// What the machine offers a measurement: programs, and a core for each side.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/** Who is measured has one core to itself, load and upstream have the other. */
export interface Cores {
  readonly measured: number;
  readonly load: number;
}

/** `0-2,5` as numbers. */
function expand(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}

/** Undefined where there is one core only, or no taskset. */
export function chooseCores(): Cores | undefined {
  if (process.platform !== 'linux' || !isInstalled('taskset')) return undefined;
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  const [measured, load] = expand(allowed);
  return measured === undefined || load === undefined ? undefined : { measured, load };
}

/** The command that runs a program on that core; taskset becomes the program, so that the process id is its own. */
export function onCore(core: number | undefined, command: string, args: readonly string[]): [string, string[]] {
  return core === undefined ? [command, [...args]] : ['taskset', ['-c', `${core}`, command, ...args]];
}

export interface Machine {
  readonly node: string;
  readonly cpus: number;
  readonly model: string;
  readonly pinned: boolean;
}

export function describeMachine(cores: Cores | undefined): Machine {
  const [first] = cpus();
  return {
    node: process.versions.node,
    cpus: cpus().length,
    model: first?.model.trim() ?? '',
    pinned: cores !== undefined,
  };
}
