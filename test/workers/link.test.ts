// What crosses between threads, and what comes of questions to one that ends.
import { MessageChannel, Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CursorError, MarkMissingError, MarkRegressedError } from '../../src/store/directory-store.ts';
import { StoreOpenError } from '../../src/store/sqlite-file.ts';
import { StoreAwayError } from '../../src/store/store.ts';
import { pack, unpack } from '../../src/workers/clone.ts';
import { createLink, type Link, LinkError } from '../../src/workers/link.ts';

const across = (value: unknown): unknown => unpack(structuredClone(pack(value)));

describe('a value', () => {
  it('comes over as it was, Buffers as Buffers', () => {
    const hash = Buffer.from('pooled: a part of a larger piece of memory');
    const value = { kind: 'found', rows: [{ hash, owner: undefined, at: 3 }], also: ['us'], none: null };
    const there = across(value) as typeof value;
    expect(there).toEqual(value);
    expect(Buffer.isBuffer(there.rows[0]?.hash)).toBe(true);
  });

  it('takes along nothing that lies beside a small Buffer', () => {
    const { buffer } = structuredClone(pack(Buffer.from('one of many in a pool'))) as Uint8Array;
    expect(buffer.byteLength).toBe('one of many in a pool'.length);
  });

  it.each([
    new StoreAwayError('locked', 'STORE_LOCKED'),
    new MarkMissingError(),
    new MarkRegressedError(),
    new CursorError(),
    new StoreOpenError('damaged: do this'),
  ])('that is a $name is one there', (error) => {
    const { cause } = across({ kind: 'unavailable', cause: error }) as { cause: Error };
    expect(cause).toBeInstanceOf(error.constructor);
    expect([cause.name, cause.message, Reflect.get(cause, 'code')]).toEqual([
      error.name,
      error.message,
      Reflect.get(error, 'code'),
    ]);
  });

  it('that is a system’s error keeps what tells of the port, and nothing else', () => {
    const facts = { code: 'EADDRINUSE', syscall: 'listen', address: '127.0.0.1', port: 81 };
    const there = across(Object.assign(new Error('taken'), facts, { body: 's3cret' })) as Error;
    expect(there).toMatchObject({ message: 'taken', ...facts });
    expect(there).not.toHaveProperty('body');
  });
});

interface There {
  double(value: number): Promise<number>;
  fail(): never;
  never(): Promise<void>;
  note(value: string): void;
}

describe('a link', () => {
  let here: Link<There>;
  let there: Link<object>;
  const noted: string[] = [];
  const held: PromiseWithResolvers<void>[] = [];
  beforeEach(() => {
    const { port1, port2 } = new MessageChannel();
    here = createLink<There>(port1, {});
    there = createLink<object>(port2, {
      double: async (value: number) => 2 * value,
      fail: () => {
        throw new StoreAwayError('locked', 'STORE_LOCKED');
      },
      never: () => {
        const waiting = Promise.withResolvers<void>();
        held.push(waiting);
        return waiting.promise;
      },
      note: (value: string) => noted.push(value),
    });
  });
  afterEach(() => here.close());

  it('brings each answer to its question', async () => {
    const answers = await Promise.all([here.ask('double', 1), here.ask('double', 2), here.ask('double', 3)]);
    expect(answers).toEqual([2, 4, 6]);
    here.tell('note', 'told');
    await here.ask('double', 1);
    expect(noted).toEqual(['told']);
  });

  it('rejects as the other side does', async () => {
    await expect(here.ask('fail')).rejects.toThrow(StoreAwayError);
    await expect(here.ask('fail')).rejects.toMatchObject({ code: 'STORE_LOCKED' });
  });

  it('rejects what waits, and what comes later, when the other side ends', async () => {
    const waiting = here.ask('never');
    waiting.catch(() => {});
    await here.ask('double', 1);
    there.close();
    await expect(waiting).rejects.toThrow(LinkError);
    await expect(here.ask('double', 1)).rejects.toThrow(LinkError);
    here.tell('note', 'to nobody');
    await here.ended;
  });

  it('has served what the other side asked later than that side has ended', async () => {
    held.length = 0;
    here.ask('never').catch(() => {});
    await here.ask('double', 1);
    let served = false;
    void there.served.then(() => {
      served = true;
    });
    here.close();
    await there.ended;
    await new Promise((settle) => setImmediate(settle));
    expect(served).toBe(false);
    held[0]?.resolve();
    await there.served;
  });

  it('ends with a thread that is terminated', async () => {
    const { port1, port2 } = new MessageChannel();
    const link = createLink<There>(port1, {});
    const code = 'require("node:worker_threads").workerData.on("message", () => {})';
    const worker = new Worker(code, { eval: true, workerData: port2, transferList: [port2] });
    const waiting = link.ask('never');
    waiting.catch(() => {});
    await worker.terminate();
    await expect(waiting).rejects.toThrow(LinkError);
    await link.ended;
  });
});
