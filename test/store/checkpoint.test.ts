// Checkpoints of the embedded store, where the system has nothing left to give for a while.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { limited } from '../fault/limited.ts';
import { start } from '../support/process.ts';
import { temporaryDirectory } from './support.ts';

const CHILD = fileURLToPath(new URL('checkpoint.child.ts', import.meta.url));

it('are made again when there are descriptors again', async () => {
  const file = join(temporaryDirectory(), 'gateway.db');
  await using child = await start(process.execPath, [CHILD, file], { through: limited(64) });
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.stdout()).toBe('{"before":0,"after":true}\n');
}, 20_000);
