// Shared by the store's tests: temporary directories, rows, and other processes that hold locks.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Found, KeyedHash } from '../../src/domain.ts';
import type { StoredKey } from '../../src/store/store.ts';

export const NOW = 1_800_000_000_000;

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'gateway-store-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export const randomHash = (): KeyedHash => randomBytes(16) as KeyedHash;

export function row(over: Partial<StoredKey> = {}): StoredKey {
  return { hash: randomHash(), region: 'eu', kind: 'secret', owner: randomHash(), expiresAtMs: NOW + 60_000, ...over };
}

/** Runs a file of this directory with Node, as another process. */
export function startNode(file: string, ...args: string[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Another process that runs `sql` on the file, and keeps its connection until `release` is called. */
export async function lockElsewhere(path: string, sql: string): Promise<{ release(): Promise<void> }> {
  const child = startNode('lock.child.ts', path, sql);
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said] = await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit')]);
  if (String(said).trim() !== 'locked') throw new Error(`the other process did not lock: ${said}`);
  return {
    async release() {
      child.stdin?.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** Of an answer that was given at once, as the embedded store does unless the file is locked. */
export function kindOf<T>(answer: Found<T> | Promise<Found<T>>): Found<T>['kind'] | 'later' {
  return answer instanceof Promise ? 'later' : answer.kind;
}
