// A program for secrecy.test.ts. Uses a vault with secrets that only it knows, takes a snapshot of its own heap, and
// prints which of them are in it. The program itself remembers them masked and outside of the heap.
import { randomBytes } from 'node:crypto';
import { getHeapSnapshot } from 'node:v8';
import { createVault } from '../../src/replay/vault.ts';

const MASK = 0x5a;
const masked = (bytes: Buffer): Buffer => Buffer.from(bytes.map((byte) => byte ^ MASK));
const names = ['key', 'caller', 'header of the answer', 'control'] as const;
const seeds = names.map(() => masked(randomBytes(24)));
const secret = (index: number): string => masked(seeds[index] ?? Buffer.alloc(0)).toString('base64url');

const vault = createVault({ keepMs: 60_000, maxBytes: 1024 * 1024, now: () => performance.now() });
const request = { method: 'POST', target: '/', contentType: undefined, body: Buffer.from('x') };
const waiting: unknown[] = [];

function useVault(underWay: boolean): void {
  const first = vault.begin(secret(0), secret(1), request);
  if (first.kind !== 'first') throw new Error(first.kind);
  if (underWay) waiting.push(first, vault.begin(secret(0), secret(1), request));
  else {
    const headers = ['x-secret', secret(2)];
    first.settle({ kind: 'answered', status: 200, headers, body: Buffer.from('x'), region: 'eu' });
    for (let i = 0; i < 3; i++) vault.begin(secret(0), secret(1), request);
  }
}

async function snapshot(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of getHeapSnapshot()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

useVault(process.argv[2] === 'under-way');
// So that no register or stack slot still points at the last ones used.
await new Promise((resolve) => setTimeout(resolve, 10));
const control = { kept: secret(3) };
const heap = await snapshot();
const found = names.filter((_, index) => heap.includes(secret(index)));
process.stdout.write(
  JSON.stringify({ found, waiting: waiting.length, control: control.kept.length, ...vault.readings() }),
);
