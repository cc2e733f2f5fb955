// Bounds that hold in real memory, and what a call costs. Figures are printed, only bounds are asserted.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { createMemoryShelf, ENTRY_OVERHEAD_BYTES } from '../../src/replay/shelf.ts';
import { createVault, type Replayable } from '../../src/replay/vault.ts';
import { CALLER, KEY, REVEAL } from './support.ts';

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
  it.each([
    [100_000, 300],
    [40_000, 0],
    [10_000, 4000],
  ])('%i of %i bytes stay within the bound, as counted and in real memory', async (count, size) => {
    const maxBytes = 16 * 1024 * 1024;
    const vault = createVault({ keepMs: 300_000, maxBytes, now: () => 0 });
    const answer = answerOf(size);
    const before = await usedBytes();
    let most = 0;
    for (let i = 0; i < count; i++) {
      const began = vault.begin(`${KEY}-${i}`, CALLER, REVEAL);
      if (began.kind === 'first') began.settle(answer);
      if (i % 1000 === 0) most = Math.max(most, vault.readings().bytes);
    }
    const real = (await usedBytes()) - before;
    const { entries, bytes, evicted } = vault.readings();
    say(
      `${count} answers of ${size} B in ${maxBytes} B: ${entries} kept, ${bytes} B counted, ${real} B real, ` +
        `${Math.round(real / entries)} B real for each`,
    );
    expect(entries + evicted).toBe(count);
    expect(Math.max(most, bytes)).toBeLessThanOrEqual(maxBytes);
    expect(real).toBeLessThan(maxBytes * 1.1);
  });

  it('the overhead that is counted for an entry covers what it really takes', async () => {
    const shelf = createMemoryShelf({ keepMs: 1, maxBytes: 1024 ** 3, now: () => 0 });
    const before = await usedBytes();
    const record = 150;
    for (let i = 0; i < 100_000; i++) {
      // A flat one-byte string, as the vault's names are.
      const name = Buffer.from(String(i).padStart(16, '\u00e9'), 'latin1').toString('latin1');
      shelf.put(name, Buffer.allocUnsafeSlow(record));
    }
    const each = ((await usedBytes()) - before) / 100_000 - record;
    say(`an entry takes ${Math.round(each)} B beside its record, ${ENTRY_OVERHEAD_BYTES} B are counted`);
    expect(shelf.readings().entries).toBe(100_000);
    expect(each).toBeLessThan(ENTRY_OVERHEAD_BYTES);
  });
});

describe('what a call costs', () => {
  it.each([300, 10_000])('begin, settle and replay of an answer of %i bytes (printed)', (size) => {
    const vault = createVault({ keepMs: 300_000, maxBytes: 64 * 1024 * 1024, now: () => performance.now() });
    const answer = answerOf(size);
    const count = 5000;
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
