// Bounds that hold in real memory, and what a call costs. Figures are printed, only bounds are asserted.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { createMemoryShelf, ENTRY_OVERHEAD_BYTES } from '../../src/replay/shelf.ts';
import { createVault, type Replayable } from '../../src/replay/vault.ts';
import { beginFirst, CALLER, KEY, REVEAL } from './support.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** After everything unreachable is gone; the bytes of Buffers are given back a moment after the Buffers. */
async function usedBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const say = (text: string): boolean => process.stdout.write(`replay: ${text}\n`);
const answerOf = (bytes: number): Replayable => ({
  kind: 'answered',
  status: 200,
  headers: ['content-type', 'application/json'],
  body: Buffer.alloc(bytes, 'x'),
  region: 'eu',
});

describe('more answers than there is room for', () => {
  const maxBytes = 16 * 1024 * 1024;
  /** A flat one-byte string, as the vault's names are. */
  const nameOf = (i: number): string => Buffer.from(String(i).padStart(16, '\u00e9'), 'latin1').toString('latin1');

  it('100,000 records on the shelf take no more real memory than its bound, and an entry no more than is counted', async () => {
    const shelf = createMemoryShelf({ keepMs: 300_000, maxBytes, now: () => 0 });
    const length = 400;
    const before = await usedBytes();
    for (let i = 0; i < 100_000; i++) {
      shelf.put(nameOf(i), Buffer.allocUnsafeSlow(length));
      if (i % 1000 === 0) expect(shelf.readings().bytes).toBeLessThanOrEqual(maxBytes);
    }
    const real = (await usedBytes()) - before;
    const { entries, bytes, evicted } = shelf.readings();
    const each = Math.round(real / entries) - length;
    say(
      `100,000 records of ${length} B in ${maxBytes} B: ${entries} left, ${bytes} B counted, ${real} B real; ` +
        `${each} B for each beside the record, ${ENTRY_OVERHEAD_BYTES} B counted`,
    );
    expect(entries + evicted).toBe(100_000);
    expect(bytes).toBeGreaterThan(maxBytes - 1000);
    expect(bytes).toBeLessThanOrEqual(maxBytes);
    expect(real).toBeLessThan(maxBytes);
    expect(each).toBeLessThan(ENTRY_OVERHEAD_BYTES);
  });

  it.each([0, 300, 4000])('5,000 answers of %i bytes in the vault stay within a bound of 1 MiB', (size) => {
    const vault = createVault({ keepMs: 300_000, maxBytes: 1024 * 1024, now: () => 0 });
    const answer = answerOf(size);
    for (let i = 0; i < 5000; i++) {
      beginFirst(vault, { key: `${KEY}-${i}` }).settle(answer);
      if (i % 100 === 0) expect(vault.readings().bytes).toBeLessThanOrEqual(1024 * 1024);
    }
    const { entries, bytes, evicted, marked } = vault.readings();
    say(`5,000 answers of ${size} B in 1 MiB: ${entries} kept, ${bytes} B`);
    expect({ all: entries + evicted, marked }).toEqual({ all: 5000, marked: 0 });
    expect(bytes).toBeLessThanOrEqual(1024 * 1024);
    expect(vault.begin(`${KEY}-4999`, CALLER, REVEAL)).toEqual({ kind: 'replay', answer });
  });
});

describe('what a call costs', () => {
  it.each([300, 10_000])('begin, settle and replay of an answer of %i bytes (printed)', (size) => {
    const vault = createVault({ keepMs: 300_000, maxBytes: 64 * 1024 * 1024, now: () => performance.now() });
    const answer = answerOf(size);
    const count = 2000;
    const spent = { begin: 0, settle: 0, replay: 0 };
    let replayed = 0;
    for (let i = -count; i < count; i++) {
      if (i === 0) Object.assign(spent, { begin: 0, settle: 0, replay: 0 });
      const key = `${KEY}-${i}`;
      const start = performance.now();
      const began = vault.begin(key, CALLER, REVEAL);
      const begun = performance.now();
      if (began.kind === 'first') began.settle(answer);
      const settled = performance.now();
      if (vault.begin(key, CALLER, REVEAL).kind === 'replay') replayed++;
      const done = performance.now();
      spent.begin += begun - start;
      spent.settle += settled - begun;
      spent.replay += done - settled;
    }
    const micro = (ms: number): string => `${((ms * 1000) / count).toFixed(1)} us`;
    say(
      `answers of ${size} B: begin ${micro(spent.begin)}, settle ${micro(spent.settle)}, replay ${micro(spent.replay)}`,
    );
    expect(replayed).toBe(2 * count);
  });
});
