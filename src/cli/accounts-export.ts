// `accounts export`: what the directory holds, by hashes.
import { once } from 'node:events';
import type { AccountView } from '../locality/desk.ts';
import { viewOf } from '../locality/desk-books.ts';
import type { Format } from '../locality/import.ts';
import { pagesOf } from '../locality/verify.ts';
import { atDesk } from './accounts-desk.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { say } from './terminal.ts';

const HEADER = 'hash,region,pinned,also,epoch\n';

export function accountsExport(options: { config?: string; format: Format }): Promise<ExitCode> {
  return atDesk(options.config, 'read', async ({ store }) => {
    say('Names are not stored and cannot be given back: each account is the keyed hash of its name.');
    let closed = false;
    // `| head` has seen enough.
    process.stdout.on('error', () => {
      closed = true;
    });
    const line = options.format === 'csv' ? csvLine : jsonLine;
    if (options.format === 'csv') await write(HEADER);
    let count = 0;
    for await (const page of pagesOf(store.directory)) {
      if (closed) break;
      await write(page.map((account) => line(viewOf(account))).join(''));
      count += page.length;
    }
    say(`${count} accounts.`);
    return EXIT.ok;
  });
}

function csvLine({ id, region, pinned, also, epoch }: AccountView): string {
  return `${[id, region, pinned, also.join(' '), epoch].join(',')}\n`;
}

function jsonLine({ id, region, pinned, also, epoch }: AccountView): string {
  return `${JSON.stringify({ hash: id, region, pinned, also, epoch })}\n`;
}

async function write(text: string): Promise<void> {
  if (process.stdout.write(text)) return;
  await Promise.race([once(process.stdout, 'drain'), once(process.stdout, 'close')]).catch(() => undefined);
}
