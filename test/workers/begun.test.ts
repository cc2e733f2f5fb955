// A thread that has begun before the main thread knows what to give it.
import { expect, it } from 'vitest';
import { beginThread } from '../../src/workers/begun.ts';
import type { Given } from '../../src/workers/given.ts';
import { startThread, type ThreadOptions } from '../../src/workers/thread.ts';

it('that ended before it was given anything is told as one that could not begin', async () => {
  const begun = beginThread(1);
  await begun.worker.terminate();
  await begun.close;
  const given = { holder: 1 } as Given;
  const { listening, ended } = startThread({
    begun,
    given,
    services: {} as ThreadOptions['services'],
    onExit: () => {},
  });
  await expect(listening).rejects.toThrow('a worker ended before it could answer callers');
  expect(await ended).toMatchObject({ how: 'ended' });
});
