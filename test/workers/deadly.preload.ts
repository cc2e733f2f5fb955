// Loaded before the code of a thread (--import): ends it when a file of its number says how, the main thread's is 0; and has
// a worker listen late.
import fs, { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { Server } from 'node:net';
import { isMainThread, workerData } from 'node:worker_threads';

const EVERY_MS = 10;

function growForEver(): void {
  const held: unknown[] = [];
  for (;;) held.push(new Array(10_000).fill(held.length));
}

let isStuck = false;

const ENDS: Readonly<Record<string, () => void>> = {
  throw: () => {
    throw new Error('s3cret-of-a-caller');
  },
  // And its disk flushes nothing from now on.
  stuck: () => {
    isStuck = true;
    throw new Error('s3cret-of-a-caller');
  },
  exit: () => process.exit(0),
  hang: () => {
    for (;;);
  },
  memory: growForEver,
};

/** A worker listens only when the file that holds its number is gone; it says that it waits. */
function listenLater(folder: string, holder: number): void {
  const { listen } = Server.prototype;
  Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
    const hold = `${folder}/hold-${holder}`;
    if (!existsSync(hold)) return Reflect.apply(listen, this, args) as Server;
    writeFileSync(`${folder}/held-${holder}`, '');
    const timer = setInterval(() => {
      if (existsSync(hold)) return;
      clearInterval(timer);
      Reflect.apply(listen, this, args);
    }, EVERY_MS);
    return this;
  } as typeof listen;
}

const { fdatasync } = fs;
Object.assign(fs, {
  fdatasync(fd: number, done: () => void): void {
    // As a call to the system that does not return keeps the process.
    if (isStuck) setInterval(() => {}, 1000);
    else fdatasync(fd, done);
  },
});
syncBuiltinESMExports();

const isWorker = !isMainThread && workerData?.role === 'onetime-gateway worker';
if (isMainThread || isWorker) {
  const holder = isWorker ? workerData.holder : 0;
  if (isWorker) listenLater(String(process.env.DEADLY_FOLDER), holder);
  const order = `${process.env.DEADLY_FOLDER}/end-${holder}`;
  setInterval(() => {
    if (!existsSync(order)) return;
    const end = ENDS[readFileSync(order, 'utf8')];
    // It is still being written.
    if (end === undefined) return;
    rmSync(order);
    end();
  }, EVERY_MS).unref();
}
