// What the audit log costs: writing a million records through the journal, and verifying them. `npm run bench:audit` prints a
// Markdown table; another count is its argument. Times are the machine's.
import { join } from 'node:path';
import { openJournal } from '../src/audit/journal.ts';
import { publicKeysBeside } from '../src/audit/key.ts';
import { verifyAudit } from '../src/audit/verify.ts';
import { requestInside } from '../test/audit/support.ts';
import { openFolder } from '../test/support/folder.ts';

const RECORDS = Number(process.argv[2] ?? 1_000_000);
const ROUNDS = 3;
/** Requests of one moment, in one turn of the event loop. */
const AT_ONCE = 64;

interface Took {
  readonly ms: number;
  readonly cpuMs: number;
}

async function took<T>(work: () => Promise<T>): Promise<Took & { readonly result: T }> {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const result = await work();
  const ms = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  return { result, ms, cpuMs: (user + system) / 1000 };
}

/** What a room would hand over; made before it is measured. */
const insides = Array.from({ length: 1024 }, (_, number) => requestInside({ number }));

async function write(file: string, keyFile: string): Promise<void> {
  let nowMs = Date.now();
  const journal = openJournal(
    {
      file,
      keyFile,
      flushMs: 200,
      onFailure: 'refuse',
      headsMs: 60_000,
      rotate: { sizeBytes: 256 * 1024 * 1024, every: 'day' },
      keepMs: 400 * 86_400_000,
      compress: false,
    },
    { now: () => nowMs, observe: () => undefined },
  );
  for (let number = 0; number < RECORDS; number++) {
    journal.append('request', insides[number % insides.length] ?? '');
    if (number % AT_ONCE !== 0) continue;
    nowMs++;
    // The event loop gets its turn, as between requests.
    await new Promise((resolve) => setImmediate(resolve));
    if (number % (AT_ONCE * 256) === 0) await journal.flush();
  }
  await journal.close();
  if (journal.readings().lost > 0) throw new Error(`${journal.readings().lost} records were lost`);
}

using folder = openFolder();
const file = join(folder.path, 'audit.jsonl');
const keyFile = join(folder.path, 'audit.key');
const row = (what: string, { ms, cpuMs }: Took, records: number, bytes: number): void => {
  const cells = [
    what,
    Math.round((records / ms) * 1000).toLocaleString('en'),
    ((cpuMs * 1000) / records).toFixed(2),
    Math.round(bytes / ms / 1000),
  ];
  console.log(`| ${cells.join(' | ')} |`);
};

console.log(
  `| ${RECORDS.toLocaleString('en')} records | records/s | µs of CPU each | MB/s |\n| --- | --- | --- | --- |`,
);
const written = await took(() => write(file, keyFile));
const publicKeys = publicKeysBeside(keyFile).map(({ key }) => key);
for (let round = 1; round <= ROUNDS; round++) {
  const { result, ...verified } = await took(() => verifyAudit({ file, publicKeys }));
  if (!result.good) throw new Error(`not good: ${result.faults[0]?.says}`);
  if (round === 1) row('written', written, result.records, result.bytes);
  row(`verified, round ${round}`, verified, result.records, result.bytes);
}
