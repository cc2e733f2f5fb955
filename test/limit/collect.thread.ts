// Has garbage collected for the first time, again and again. Tells what it comes to.
import { parentPort, workerData } from 'node:worker_threads';
import { createCollect } from '../../src/limit/collect.ts';

const failed: string[] = [];
for (let time = 0; time < workerData.times; time++) {
  try {
    createCollect()();
  } catch (error) {
    failed.push(String(error));
  }
}
parentPort?.postMessage(failed);
