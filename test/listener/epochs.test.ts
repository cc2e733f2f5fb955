// A request holds the state of the directory in which it began until it is over: a move's next step waits for that.
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { Answer } from '../../src/journey.ts';
import { createPublicListener, type PublicListener } from '../../src/listener/public.ts';
import { createRespond } from '../../src/listener/respond.ts';
import { createEpochs } from '../../src/locality/epochs.ts';
import { BOUNDS } from '../support/bounds.ts';
import { call } from '../support/http.ts';

const MARKS = [1, 2].map((epoch) => ({ generation: 'a'.repeat(32), epoch }));
let listener: PublicListener | undefined;
afterEach(() => listener?.close());

/** @returns the listener's URL, and what ends the call that is under way */
async function open(epochs: ReturnType<typeof createEpochs>) {
  const waiting: PromiseWithResolvers<Answer>[] = [];
  const journey = (): Promise<Answer> => {
    const answer = Promise.withResolvers<Answer>();
    waiting.push(answer);
    return answer.promise;
  };
  const passthrough = {
    isUsed: false,
    match: () => undefined,
    upgrades: () => false,
    enter: async () => 'passed' as const,
    register: () => {},
    goAway: () => {},
    cut: () => {},
  };
  listener = createPublicListener(
    createRespond(() => false),
    {
      now: () => performance.now(),
      epochs,
      onBegin: () => {},
      trace: () => undefined,
      onUnparsed: () => {},
    },
  );
  await (await listener.prepare({ journey, record: () => {}, passthrough, ...BOUNDS })).use();
  await listener.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = listener.app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, waiting };
}

it.each(['answered', 'gone', 'failed'] as const)('is held until the journey is over: %s', async (end) => {
  const epochs = createEpochs();
  epochs.moveOn(MARKS[0] as (typeof MARKS)[number]);
  const { url, waiting } = await open(epochs);
  const called = call(url, 'GET', '/api/v1/status').catch(() => undefined);
  await expect.poll(() => waiting.length).toBe(1);
  epochs.moveOn(MARKS[1] as (typeof MARKS)[number]);
  expect(epochs.settled()).toBe(1);
  if (end === 'failed') waiting[0]?.reject(new Error('a defect'));
  else if (end === 'gone') waiting[0]?.resolve('gone');
  else waiting[0]?.resolve({ kind: 'own', status: 200, headers: [], body: '{}' });
  await called;
  await expect.poll(() => epochs.settled()).toBe(2);
});
