// Asks for a checkpoint while no descriptor is left, and again when there are some. Says on standard output whether anything
// of the WAL was moved, before and after.
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { createCheckpointer } from '../../src/store/checkpoint.ts';

const file = String(process.argv[2]);
const db = new DatabaseSync(file);
db.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (a); INSERT INTO t VALUES (1)');

const checkpointer = createCheckpointer(file, 0);
const open: number[] = [];
try {
  for (;;) open.push(openSync('/dev/null', 'r'));
} catch {
  // None is left.
}
checkpointer.wrote(1000);
// The thread that has not begun is told of in a later turn.
for (let turn = 0; turn < 20; turn++) await pause(10);
for (const fd of open) closeSync(fd);

/** Pages in the WAL that are in the file, without moving any. */
function moved(): number {
  return Number(db.prepare('PRAGMA wal_checkpoint(NOOP)').get()?.checkpointed);
}
const before = moved();
const deadlineMs = performance.now() + 10_000;
while (moved() === 0 && performance.now() < deadlineMs) {
  checkpointer.wrote(1000);
  await pause(50);
}
process.stdout.write(`${JSON.stringify({ before, after: moved() > 0 })}\n`);
await checkpointer.end();
db.close();
