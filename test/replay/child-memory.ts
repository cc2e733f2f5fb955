// A program for secrecy.test.ts. Reads key, caller and body from its standard input, keeps an answer for them, replays
// it, prints what the shelf holds, and waits to have its memory read.
import { readSync } from 'node:fs';
import { createMemoryShelf } from '../../src/replay/shelf.ts';
import { createVault } from '../../src/replay/vault.ts';

const input = Buffer.alloc(4096);
const [key = '', caller, body = '', salt = ''] = input.toString('latin1', 0, readSync(0, input)).trim().split('\n');
const bounds = { keepMs: 60_000, maxBytes: 1024 * 1024, now: () => performance.now() };
const shelf = createMemoryShelf(bounds);
const vault = createVault({ ...bounds, shelf, salt: Buffer.from(salt, 'hex') });
const request = { method: 'POST', target: '/api/v1/secret/x', contentType: 'text/plain', body: Buffer.from(body) };

const first = vault.begin(key, caller, request);
const waiting = vault.begin(key, caller, request);
if (first.kind === 'first') {
  first.settle({ kind: 'answered', status: 200, headers: [], body: Buffer.from('answer'), region: 'eu' });
}
const replay = vault.begin(key, caller, request);
const [entry] = shelf.dump();
process.stdout.write(`${first.kind} ${waiting.kind} ${replay.kind} ${entry?.record.toString('hex')}\n`);
setInterval(() => vault.readings(), 60_000);
