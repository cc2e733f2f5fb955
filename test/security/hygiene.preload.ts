// Loaded before the gateway (--import): takes a picture of its heap, says how much Buffers hold, or has it crash, when a file
// says so.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setFlagsFromString, writeHeapSnapshot } from 'node:v8';
import { runInNewContext } from 'node:vm';

const folder = process.env.HYGIENE_FOLDER ?? '';
/** What a picture of the heap has to show, so that it is known to show anything. */
const control = ['control', 'of', 'the', 'heap'].join('-');
setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function answer(name: string, write: (file: string) => void): void {
  write(`${folder}/${name}.part`);
  renameSync(`${folder}/${name}.part`, `${folder}/${name}.done`);
}

async function look(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  answer('look', (file) => {
    const settings = [
      'excludeEnv',
      'excludeNetwork',
      'reportOnFatalError',
      'reportOnSignal',
      'reportOnUncaughtException',
    ];
    const report = Object.fromEntries(settings.map((name) => [name, Reflect.get(process.report, name)]));
    writeFileSync(
      file,
      JSON.stringify({ arrayBuffers: process.memoryUsage().arrayBuffers, report, control: control.length }),
    );
  });
}

setInterval(() => {
  const order = ['heap', 'look', 'crash'].find((name) => existsSync(`${folder}/${name}`));
  if (order === undefined) return;
  const text = readFileSync(`${folder}/${order}`, 'utf8');
  rmSync(`${folder}/${order}`);
  if (order === 'heap') answer('heap', (file) => void writeHeapSnapshot(file));
  else if (order === 'look') void look();
  else throw Object.assign(new Error(`what was being handled: ${text}`), { text });
}, 10).unref();
