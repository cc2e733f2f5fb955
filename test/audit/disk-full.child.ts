// Run as another process on a small disk of its own: fills it, goes on recording, makes room again, and tells.
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type AuditEvent, openJournal } from '../../src/audit/journal.ts';
import { publicKeysBeside } from '../../src/audit/key.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import { requestInside } from './support.ts';

const [directory = '', count = '0'] = process.argv.slice(2);
const file = join(directory, 'audit.jsonl');
const keyFile = join(directory, 'audit.key');
const filler = join(directory, 'filler');
const events: AuditEvent[] = [];
const journal = openJournal(
  {
    file,
    keyFile,
    flushMs: 10,
    onFailure: 'refuse',
    headsMs: 60_000,
    rotate: { sizeBytes: 1024 * 1024 * 1024, every: 'never' },
    keepMs: 400 * 86_400_000,
    compress: false,
  },
  { now: Date.now, observe: (event) => events.push(event) },
);

function fill(): void {
  const fd = openSync(filler, 'w');
  try {
    for (;;) writeSync(fd, Buffer.alloc(4096));
  } catch {
    closeSync(fd);
  }
}

async function until(condition: () => boolean): Promise<boolean> {
  const endMs = performance.now() + 20_000;
  while (!condition() && performance.now() < endMs) await pause(5);
  return condition();
}

journal.append('request', requestInside({ number: 0 }));
await journal.flush();
const before = journal.failing;
fill();
for (let number = 1; number <= Number(count); number++) journal.append('request', requestInside({ number }));
const failed = await until(() => journal.failing && journal.readings().failures > 2);
const during = journal.readings();
rmSync(filler);
const recovered = await until(() => !journal.failing);
journal.append('request', requestInside({ number: Number(count) + 1 }));
await journal.close();

const publicKeys = publicKeysBeside(keyFile).map(({ key }) => key);
const { good, faults } = await verifyAudit({ file, publicKeys });
const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
const records: { kind: string; request?: string; lost?: number }[] = lines.map((line) => JSON.parse(line));
const numbers = records.filter(({ kind }) => kind === 'request').map(({ request = '' }) => Number(request.slice(-12)));
const gaps = records.flatMap(({ kind, lost }, at) => (kind === 'gap' ? [{ lost, at }] : []));
console.log(
  JSON.stringify({
    before,
    failed,
    during: { failing: during.failing, lost: during.lost },
    recovered,
    events: events.map(({ kind }) => kind),
    code: events.flatMap((event) => (event.kind === 'failing' ? [event.code] : [])),
    good,
    faults,
    numbers: { count: numbers.length, inOrder: numbers.every((number, at) => number > (numbers[at - 1] ?? -1)) },
    last: numbers.at(-1),
    gaps,
    lost: journal.readings().lost,
  }),
);
