// How long an answer of the source holds, who waits for a question, and how many are asked.
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createQuestions } from '../../src/locality/source-questions.ts';
import {
  codeOf,
  type Directory,
  eventually,
  homeOf,
  MINUTE,
  NOW,
  type Opened,
  openDirectory,
  openSource,
  says,
  silence,
  status,
} from './source-support.ts';

const ANN = 'ann@example.com';

/** Until every question that was sent has been answered, and there were so many. */
async function settled(source: Opened, questions: number): Promise<void> {
  await eventually(() => {
    const { found, missing, failed } = source.readings().questions;
    return { questions: found + missing + failed, underWay: source.readings().underWay };
  }).toEqual({ questions, underWay: 0 });
}

async function openKnown(over: Parameters<typeof openSource>[1] = {}): Promise<[Directory, Opened]> {
  const directory = await openDirectory();
  const source = openSource(directory.url, over);
  expect(homeOf(await source.locate(ANN))).toBe('eu');
  return [directory, source];
}

/** Keeps answers back until they are let go. */
function held(directory: Directory): { letGo(answer: Directory['answer']): void } {
  const waiting: [string, ServerResponse][] = [];
  directory.answer = (account, response) => void waiting.push([account, response]);
  return {
    letGo(answer) {
      directory.answer = answer;
      for (const [account, response] of waiting.splice(0)) answer(account, response);
    },
  };
}

describe('a good answer', () => {
  it('is used at once and without a question until it is due for a refresh', async () => {
    const [directory, source] = await openKnown();
    directory.answer = says({ region: 'us' });
    for (const nowMs of [NOW, NOW + MINUTE - 1, NOW + MINUTE]) {
      source.nowMs = nowMs;
      expect(homeOf(source.locate(ANN))).toBe('eu');
    }
    expect(directory.asked).toHaveLength(1);
  });

  it('is used at once and refreshed by one question until it expires', async () => {
    const [directory, source] = await openKnown();
    const { letGo } = held(directory);
    source.nowMs = NOW + MINUTE + 1;
    for (let call = 0; call < 50; call++) expect(homeOf(source.locate(ANN))).toBe('eu');
    await eventually(() => directory.asked.length).toBe(2);
    source.nowMs = NOW + 10 * MINUTE;
    for (let call = 0; call < 50; call++) expect(homeOf(source.locate(ANN))).toBe('eu');
    letGo(says({ region: 'us', pinned: false }));
    await settled(source, 2);
    expect(directory.asked).toHaveLength(2);
    // Nine minutes old, since it tells of the moment of the question.
    expect(source.readings()).toMatchObject({ oldestAgeMs: 9 * MINUTE - 1, newestAgeMs: 9 * MINUTE - 1 });
    const value = { home: 'us', pinned: false, also: [] };
    expect(source.locate(ANN)).toEqual({ kind: 'found', value });
  });

  it('goes on being used when its refresh fails, and the next refresh waits for a pause that grows to a minute', async () => {
    const [directory, source] = await openKnown({ expireMs: 1000 * MINUTE });
    directory.answer = status(500);
    source.nowMs = NOW + 2 * MINUTE;
    let questions = 1;
    const ask = (): void => {
      for (let call = 0; call < 5; call++) expect(homeOf(source.locate(ANN))).toBe('eu');
    };
    for (const pauseSeconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      ask();
      await settled(source, ++questions);
      // To the end of the pause nothing is asked, and then one question.
      source.nowMs += pauseSeconds * 1000;
      ask();
      expect(source.readings().underWay).toBe(0);
      source.nowMs += 1;
    }
    expect(directory.asked).toHaveLength(questions);
    expect(source.events.every(({ event }) => event === 'refresh')).toBe(true);
    directory.answer = says({ region: 'us' });
    ask();
    await settled(source, questions + 1);
    expect(homeOf(source.locate(ANN))).toBe('us');
  });

  it('that has expired makes callers wait for a question, and the account unavailable when that fails', async () => {
    const [directory, source] = await openKnown();
    source.nowMs = NOW + 10 * MINUTE + 1;
    directory.answer = status(503);
    expect(codeOf(await source.locate(ANN))).toBe('SOURCE_STATUS');
    expect(source.readings()).toMatchObject({ oldestAgeMs: undefined, newestAgeMs: undefined, lastAnswerMs: NOW });
    expect(codeOf(await source.locate(ANN))).toBe('SOURCE_STATUS');
    expect(source.events.map(({ event }) => event)).toEqual(['question', 'question']);
    directory.answer = says({ region: 'us' });
    expect(homeOf(await source.locate(ANN))).toBe('us');
    expect(homeOf(source.locate(ANN))).toBe('us');
    expect(directory.asked).toHaveLength(4);
  });

  it('that expires while it is being refreshed makes callers wait for that very question', async () => {
    const [directory, source] = await openKnown();
    const { letGo } = held(directory);
    source.nowMs = NOW + 9 * MINUTE;
    expect(homeOf(source.locate(ANN))).toBe('eu');
    source.nowMs = NOW + 11 * MINUTE;
    const late = source.locate(ANN);
    expect(homeOf(late)).toBe('a promise');
    await eventually(() => directory.asked.length).toBe(2);
    letGo(says({ region: 'us' }));
    expect(homeOf(await late)).toBe('us');
    expect(directory.asked).toHaveLength(2);
  });

  it('counts as expired when the clock was set back behind it', async () => {
    const [directory, source] = await openKnown();
    directory.answer = status(500);
    source.nowMs = NOW - 1;
    expect((await source.locate(ANN)).kind).toBe('unavailable');
    source.nowMs = NOW;
    expect(homeOf(source.locate(ANN))).toBe('eu');
    expect(directory.asked).toHaveLength(2);
  });

  it('of one account says nothing of another, and a capital letter makes another', async () => {
    const [directory, source] = await openKnown();
    directory.answer = says({ region: 'us' });
    expect(homeOf(await source.locate('Ann@example.com'))).toBe('us');
    expect(homeOf(source.locate(ANN))).toBe('eu');
  });
});

describe('an account that the source does not know', () => {
  it('is missing without another question for a while, then asked for again', async () => {
    const directory = await openDirectory();
    directory.answer = status(404);
    const source = openSource(directory.url);
    expect(homeOf(await source.locate(ANN))).toBe('missing');
    source.nowMs = NOW + MINUTE / 2;
    expect(homeOf(source.locate(ANN))).toBe('missing');
    source.nowMs++;
    expect(homeOf(await source.locate(ANN))).toBe('missing');
    expect(directory.asked).toHaveLength(2);
    directory.answer = says({ region: 'us' });
    source.nowMs += MINUTE;
    expect(homeOf(await source.locate(ANN))).toBe('us');
    expect(source.readings()).toMatchObject({
      entries: 1,
      negatives: 0,
      questions: { found: 1, missing: 2, failed: 0 },
    });
  });

  it('is unavailable, not missing, when the source is away after that while', async () => {
    const directory = await openDirectory();
    directory.answer = status(404);
    const source = openSource(directory.url);
    expect(homeOf(await source.locate(ANN))).toBe('missing');
    await directory.stop();
    source.nowMs = NOW + MINUTE;
    expect(codeOf(await source.locate(ANN))).toBe('SOURCE_UNREACHABLE');
  });

  it('is asked for each time where negative answers do not hold at all', async () => {
    const directory = await openDirectory();
    directory.answer = status(404);
    const source = openSource(directory.url, { negativeMs: 0 });
    expect(homeOf(await source.locate(ANN))).toBe('missing');
    source.nowMs++;
    expect(homeOf(await source.locate(ANN))).toBe('missing');
    expect(directory.asked).toHaveLength(2);
  });

  it('was known a moment ago: it is missing at once', async () => {
    const [directory, source] = await openKnown();
    directory.answer = status(404);
    source.nowMs = NOW + 2 * MINUTE;
    expect(homeOf(source.locate(ANN))).toBe('eu');
    await settled(source, 2);
    expect(homeOf(source.locate(ANN))).toBe('missing');
    expect(source.readings()).toMatchObject({ entries: 0, negatives: 1 });
  });
});

describe('how much the source is asked', () => {
  it('is one question for 100 callers at once, cold and expired, whatever comes of it', async () => {
    const directory = await openDirectory();
    const source = openSource(directory.url);
    for (const [round, answer, expected] of [
      [1, says({ region: 'eu' }), 'eu'],
      [2, status(500), 'unavailable'],
      [3, status(404), 'missing'],
    ] as const) {
      const { letGo } = held(directory);
      source.nowMs += 11 * MINUTE;
      const callers = Array.from({ length: 100 }, () => source.locate(ANN));
      await eventually(() => directory.asked.length).toBe(round);
      callers.push(source.locate(ANN));
      letGo(answer);
      expect(new Set((await Promise.all(callers)).map(homeOf))).toEqual(new Set([expected]));
      expect(directory.asked).toHaveLength(round);
    }
  });

  it('is 64 questions at once and 256 in line; who comes then is turned away, and refreshes have their own places', async () => {
    const [directory, source] = await openKnown({ timeoutMs: 15_000 });
    const { letGo } = held(directory);
    const flood = Array.from({ length: 320 }, (_, at) => source.locate(`made-up-${at}`));
    await eventually(() => directory.asked.length).toBe(65);
    expect(source.readings()).toMatchObject({ underWay: 64, waiting: 256, turnedAway: 0 });
    expect(codeOf(await source.locate('made-up-320'))).toBe('SOURCE_BUSY');
    expect(source.readings()).toMatchObject({ underWay: 64, waiting: 256, turnedAway: 1 });
    // Who asks for one that is under way or in line shares it.
    const shared = [source.locate('made-up-0'), source.locate('made-up-319')];

    source.nowMs = NOW + 2 * MINUTE;
    expect(homeOf(source.locate(ANN))).toBe('eu');
    await eventually(() => directory.asked.at(-1)?.account).toBe(ANN);

    let most = 0;
    letGo((account, response) => {
      most = Math.max(most, source.readings().underWay);
      status(404)(account, response);
    });
    const answers = await Promise.all([...flood, ...shared]);
    expect(answers.every(({ kind }) => kind === 'missing')).toBe(true);
    expect(most).toBeLessThanOrEqual(65);
    await settled(source, 322);
    expect(directory.asked).toHaveLength(322);
    expect(source.readings().waiting).toBe(0);
  });

  it('is 16 refreshes at once', async () => {
    const directory = await openDirectory();
    const source = openSource(directory.url);
    const names = Array.from({ length: 40 }, (_, at) => `known-${at}`);
    await Promise.all(names.map((name) => source.locate(name)));
    const { letGo } = held(directory);
    source.nowMs = NOW + 2 * MINUTE;
    expect(names.map((name) => homeOf(source.locate(name)))).toEqual(names.map(() => 'eu'));
    await eventually(() => directory.asked.length).toBe(56);
    expect(source.readings().underWay).toBe(16);
    letGo(says({ region: 'us' }));
    await settled(source, 56);
    // The others have their turn when they are asked for again.
    expect(names.filter((name) => homeOf(source.locate(name)) === 'us')).toHaveLength(16);
    await settled(source, 72);
  });

  it('leaves nobody in line for longer than the timeout, and nobody who left is asked for', async () => {
    const asked: string[] = [];
    const { promise, resolve } = Promise.withResolvers<{ kind: 'missing' }>();
    const put = (account: string) => {
      asked.push(account);
      return promise;
    };
    const limits = { timeoutMs: 50, atOnce: 1, line: 2, refreshes: 1 };
    const questions = createQuestions(put, () => {}, Date.now, limits);
    const first = questions.ask('a', 'ann');
    const inLine = await Promise.all([questions.ask('b', 'bob'), questions.ask('c', 'cat')]);
    expect(inLine.map(codeOf)).toEqual(['SOURCE_TIMEOUT', 'SOURCE_TIMEOUT']);
    expect(questions.readings()).toEqual({ underWay: 1, waiting: 0, turnedAway: 0 });
    resolve({ kind: 'missing' });
    expect(homeOf(await first)).toBe('missing');
    expect(homeOf(await questions.ask('c', 'cat'))).toBe('missing');
    expect(asked).toEqual(['ann', 'cat']);
    expect(questions.readings().underWay).toBe(0);
  });

  it('comes back to normal after a source that was silent', async () => {
    const directory = await openDirectory();
    directory.answer = silence;
    const source = openSource(directory.url, { timeoutMs: 300 });
    const answers = await Promise.all(Array.from({ length: 300 }, (_, at) => source.locate(`made-up-${at}`)));
    expect(new Set(answers.map(codeOf))).toEqual(new Set(['SOURCE_TIMEOUT']));
    expect(source.readings()).toMatchObject({ underWay: 0, waiting: 0 });
    directory.answer = says({ region: 'us' });
    await eventually(async () => homeOf(await source.locate(ANN))).toBe('us');
  });

  it('grows no memory: made-up names push out each other, and known accounts only when there are too many', async () => {
    const [directory, source] = await openKnown({ entries: 3 });
    directory.answer = status(404);
    for (let at = 0; at < 20; at++) await source.locate(`made-up-${at}`);
    expect(homeOf(source.locate(ANN))).toBe('eu');
    expect(source.readings()).toMatchObject({ entries: 1, negatives: 3 });
    directory.answer = says({ region: 'us' });
    for (const name of ['b', 'c', 'd']) await source.locate(name);
    expect(source.readings().entries).toBe(3);
    expect(homeOf(source.locate(ANN))).toBe('a promise');
  });
});

describe('closing', () => {
  it('cuts questions under way and answers unavailable from then on', async () => {
    const [directory, source] = await openKnown();
    directory.answer = silence;
    const waiting = Array.from({ length: 100 }, (_, at) => source.locate(`other-${at}`));
    await eventually(() => directory.asked.length).toBe(65);
    await source.close();
    for (const found of await Promise.all(waiting)) expect(codeOf(found)).toBe('SOURCE_CLOSED');
    expect(codeOf(await source.locate(ANN))).toBe('SOURCE_CLOSED');
    expect(directory.asked).toHaveLength(65);
  });
});
