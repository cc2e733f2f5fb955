// Where a thread begins that verifies an audit log, says what it found, and ends.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { publicKeysBeside } from './key.ts';
import { verifyAudit } from './verify.ts';

if (!isMainThread && workerData?.role === 'audit-verify') {
  const { file, keyFile }: { file: string; keyFile: string } = workerData;
  const publicKeys = publicKeysBeside(keyFile).map(({ key }) => key);
  parentPort?.postMessage(await verifyAudit({ file, publicKeys }));
}
