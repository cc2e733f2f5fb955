// Run as another process: writes numbered records as fast as it can, says how far its file has come, until it is killed.
import { openJournal } from '../../src/audit/journal.ts';
import { requestInside } from './support.ts';

const [file = '', keyFile = ''] = process.argv.slice(2);
const journal = openJournal(
  {
    file,
    keyFile,
    flushMs: 5,
    onFailure: 'refuse',
    headsMs: 50,
    rotate: { sizeBytes: 256 * 1024, every: 'day' },
    keepMs: 400 * 86_400_000,
    compress: true,
  },
  { now: Date.now, observe: () => undefined },
);
console.log('writing');
for (let number = 0; ; number++) {
  journal.append('request', requestInside({ number }));
  if (number % 500 !== 0) continue;
  await journal.flush();
  console.log(`at ${journal.readings().sequence}`);
}
