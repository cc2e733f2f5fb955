// Real parts that a test needs from the system.
import { spawnSync } from 'node:child_process';

/**
 * Whether a program is on PATH. Where it is missing the test is skipped and the command that installs it is printed;
 * with FORBID_SKIPS set (in CI) that is an error.
 */
export function needs(program: string, install: string): boolean {
  const found = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  if (found) return true;
  const sentence = `${program} is missing: ${install}`;
  if (process.env.FORBID_SKIPS) throw new Error(sentence);
  process.stderr.write(`skipped: ${sentence}\n`);
  return false;
}
