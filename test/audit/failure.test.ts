// A disk that takes nothing: records wait and follow, whole and in order, and what found no room is counted.
import { spawnSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openFolder } from '../support/folder.ts';
import { needs } from '../support/needs.ts';
import { openAuditLab, requestInside } from './support.ts';

/** A disk that one process has for itself, without privileges. */
const OWN_DISK = ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=48m none "$0" && exec "$@"'];
const hasOwnDisk =
  needs('unshare', 'apt-get install util-linux') && spawnSync('unshare', [...OWN_DISK, tmpdir(), 'true']).status === 0;
const CHILD = fileURLToPath(new URL('disk-full.child.ts', import.meta.url));

function onFullDisk(count: number): Record<string, unknown> {
  using folder = openFolder();
  const args = [...OWN_DISK, folder.path, process.execPath, CHILD, folder.path, String(count)];
  const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

describe.skipIf(!hasOwnDisk)('a full disk', () => {
  it('makes the journal fail, and when there is room all records follow, none twice and none in part', () => {
    expect(onFullDisk(500)).toMatchObject({
      before: false,
      failed: true,
      during: { failing: true, lost: 0 },
      recovered: true,
      events: ['failing', 'recovered'],
      code: ['ENOSPC'],
      good: true,
      faults: [],
      numbers: { count: 502, inOrder: true },
      last: 501,
      gaps: [],
    });
  });

  it('for longer than 8 MiB of records loses the newest, counts them, and the log says how many and where', () => {
    const told = onFullDisk(40_000);
    expect(told).toMatchObject({
      failed: true,
      recovered: true,
      events: ['failing', 'failing', 'recovered'],
      code: ['AUDIT_BUFFER_FULL', 'ENOSPC'],
      good: true,
      faults: [],
      numbers: { inOrder: true },
      last: 40_001,
    });
    const { numbers, gaps, lost } = told as { numbers: { count: number }; gaps: { lost: number }[]; lost: number };
    expect(lost).toBeGreaterThan(20_000);
    expect(numbers.count + lost).toBe(40_002);
    expect(gaps.map((gap) => gap.lost)).toEqual([lost]);
  });
});

describe('a file that was moved away while it was open', () => {
  it('makes the journal fail with the next head, and not when it is back', async () => {
    await using lab = openAuditLab({ headsMs: 40, flushMs: 20 });
    await lab.journal.flush();
    renameSync(lab.options.file, `${lab.options.file}.away`);
    lab.journal.append('request', requestInside());
    await lab.journal.flush();
    lab.advance(1000);
    await expect.poll(() => lab.journal.failing, { interval: 5, timeout: 5000 }).toBe(true);
    expect(lab.events).toMatchObject([{ kind: 'failing', code: 'ENOENT' }]);
    renameSync(`${lab.options.file}.away`, lab.options.file);
    await expect.poll(() => lab.journal.failing, { interval: 5, timeout: 5000 }).toBe(false);
    await lab.journal.close();
    expect(lab.records().map(({ kind }) => kind)).toEqual(['opened', 'head', 'request', 'head', 'closed', 'head']);
    expect(await lab.verify()).toMatchObject({ good: true });
  });

  it.each([
    ['refused, and not sent', requestInside({ region: null, outcome: 'not_sent', refusal: 'audit_unavailable' }), 0],
    ['delivered', requestInside(), 'all'],
    ['sent, with an unknown outcome', requestInside({ outcome: 'unknown' }), 'all'],
    ['of an unknown outcome, whoever was asked', requestInside({ region: null, outcome: 'unknown' }), 'all'],
  ])(
    'says of what found no room how much a region may have received: of requests that were %s',
    async (_what, inside, sent) => {
      await using lab = openAuditLab({ headsMs: 40, flushMs: 20 });
      await lab.journal.flush();
      renameSync(lab.options.file, `${lab.options.file}.away`);
      lab.journal.append('request', requestInside());
      lab.advance(1000);
      await expect.poll(() => lab.journal.failing, { interval: 5, timeout: 5000 }).toBe(true);
      while (lab.journal.readings().lost < 10) lab.journal.append('request', inside);
      renameSync(`${lab.options.file}.away`, lab.options.file);
      await expect.poll(() => lab.journal.failing, { interval: 5, timeout: 5000 }).toBe(false);
      await lab.journal.close();
      const gaps = lab.records().filter(({ kind }) => kind === 'gap');
      expect(gaps).toMatchObject([{ lost: 10, sent: sent === 'all' ? 10 : sent }]);
      expect(await lab.verify()).toMatchObject({ good: true });
    },
  );

  it('is said when the journal closes without having signed the last records', async () => {
    await using lab = openAuditLab();
    await lab.journal.flush();
    renameSync(lab.options.file, `${lab.options.file}.away`);
    await lab.journal.close();
    expect(lab.events).toMatchObject([{ kind: 'failing' }, { kind: 'unwritten', records: 2 }]);
  });
});
