// Where a worker thread begins.
import { isMainThread, workerData } from 'node:worker_threads';
import { cacheCode } from '../code-cache.ts';
import { type Begun, ROLE } from './begun.ts';

if (!isMainThread && workerData?.role === ROLE) {
  // Before anything else is loaded: what is loaded is what it keeps.
  cacheCode(process.env);
  const { awaitGiven } = await import('./run.ts');
  awaitGiven((workerData as Begun).port);
}
