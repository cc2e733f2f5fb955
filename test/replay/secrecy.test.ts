// What stays behind: on the shelf, in the heap, in the memory of the process.
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { derive } from '../../src/replay/seal.ts';
import type { Replayable } from '../../src/replay/vault.ts';
import { beginFirst, openVault } from './support.ts';

const child = (name: string): string => fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
const secret = (): string => randomBytes(24).toString('base64url');

/** A text as it could stand somewhere. */
function spellings(text: string): Buffer[] {
  const bytes = Buffer.from(text);
  const texts = [text, bytes.toString('hex'), bytes.toString('base64').replaceAll('=', '')];
  return [...texts.map((each) => Buffer.from(each)), Buffer.from(text, 'utf16le')];
}

describe('what the vault keeps', () => {
  it('holds neither header value, credentials, target, body nor answer, in any spelling', () => {
    const { vault, shelf } = openVault();
    const key = secret();
    const caller = `Basic ${Buffer.from(`anna:${secret()}`).toString('base64')}`;
    const [target, passphrase, header, body] = [secret(), secret(), secret(), secret()];
    const request = { method: 'POST', target: `/${target}`, contentType: 'text/plain', body: Buffer.from(passphrase) };
    const answer: Replayable = {
      kind: 'answered',
      status: 200,
      headers: ['x-a', header],
      body: Buffer.from(body),
      region: 'eu',
    };
    beginFirst(vault, { key, caller, request }).settle(answer);
    beginFirst(vault, { key, caller: undefined, request }).settle({ kind: 'unknown', code: 'region_timeout' });
    beginFirst(vault, { key: `${key}-2`, caller, request }).settle({ ...answer, body: Buffer.alloc(200_000, body) });
    expect(vault.begin(key, caller, request)).toEqual({ kind: 'replay', answer });

    const stored = [...shelf.dump()];
    expect(stored).toHaveLength(3);
    const bytes = serialize(stored);
    for (const { name, record } of stored) {
      expect(bytes.includes(record)).toBe(true);
      expect(bytes.includes(Buffer.from(name, 'latin1'))).toBe(true);
    }
    for (const text of [key, caller, target, passphrase, header, body, 'region_timeout', 'POST']) {
      for (const spelling of spellings(text)) expect(bytes.includes(spelling), text).toBe(false);
    }
    expect(JSON.stringify(vault.readings())).not.toContain(key);
  });

  it.each(['settled', 'under-way'])(
    'has no secret in a heap snapshot when %s; what somebody kept would be found',
    async (state) => {
      const { stdout } = await promisify(execFile)(process.execPath, [child('child-heap'), state]);
      const told = JSON.parse(stdout);
      expect(told.found).toEqual(['control']);
      expect(told).toMatchObject(state === 'settled' ? { entries: 1, replayed: 3 } : { underWay: 1, waiting: 2 });
    },
  );
});

/** How often each of `needles` stands in the writable memory of a process (proc_pid_mem(5)). */
function countInMemory(pid: number, needles: readonly Buffer[]): { bytes: number; counts: number[] } {
  const counts = needles.map(() => 0);
  const overlap = 256;
  const block = Buffer.alloc(4 * 1024 * 1024 + overlap);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  let bytes = 0;
  for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    const [start, end] = [Number.parseInt(range?.[1] ?? '0', 16), Number.parseInt(range?.[2] ?? '0', 16)];
    for (let at = start; at < end; at += block.length - overlap) {
      let read = 0;
      try {
        read = readSync(memory, block, 0, Math.min(block.length, end - at), at);
      } catch {
        continue;
      }
      bytes += read;
      const text = block.subarray(0, read);
      for (const [i, needle] of needles.entries()) if (text.includes(needle)) counts[i] = (counts[i] ?? 0) + 1;
    }
  }
  closeSync(memory);
  return { bytes, counts };
}

describe.skipIf(!existsSync('/proc/self/mem'))('the memory of a process', () => {
  it('holds the record of a replayed answer, and nowhere the key that sealed it', async () => {
    const [key, caller, body] = [secret(), `Basic ${secret()}`, secret()];
    const salt = randomBytes(32);
    const program = spawn(process.execPath, [child('child-memory')], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      program.stdin.write(`${key}\n${caller}\n${body}\n${salt.toString('hex')}\n`);
      const line = await new Promise<string>((resolve) => program.stdout.once('data', (text) => resolve(String(text))));
      const [first, waiting, replay, record = ''] = line.trim().split(' ');
      expect([first, waiting, replay]).toEqual(['first', 'under_way', 'replay']);

      const request = {
        method: 'POST',
        target: '/api/v1/secret/x',
        contentType: 'text/plain',
        body: Buffer.from(body),
      };
      const needles = [Buffer.from(record, 'hex'), derive(salt, key, caller, request).sealingKey];
      const { bytes, counts } = countInMemory(program.pid ?? 0, needles);
      expect(bytes).toBeGreaterThan(10_000_000);
      expect(counts[0]).toBeGreaterThan(0);
      expect(counts[1]).toBe(0);
    } finally {
      program.kill('SIGKILL');
    }
  });
});
