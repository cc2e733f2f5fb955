// Told to tell systemd while no descriptor is left, and again when there are some. Says what came of it on standard output.
import { closeSync, openSync } from 'node:fs';
import { supervise } from '../../src/cli/notify.ts';

const warned: unknown[] = [];
const log = { info() {}, warn: (facts: unknown) => warned.push(facts) };
const open: number[] = [];
try {
  for (;;) open.push(openSync('/dev/null', 'r'));
} catch {
  // None is left.
}
const { env, pid, hrtime } = process;
const supervised = supervise({ isReady: () => true, reload: undefined }, { env, pid, now: hrtime.bigint, log });
// What is wrong with a process that was to be started is told in a later turn.
setImmediate(async () => {
  for (const fd of open) closeSync(fd);
  supervised.stopping();
  await supervised.end();
  process.stdout.write(`${JSON.stringify({ warned: warned.length })}\n`);
});
