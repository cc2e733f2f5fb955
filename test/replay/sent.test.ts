// Repeats of calls that a process before this one has sent: nobody knows what came of them, and they are not sent again.
import { expect, it } from 'vitest';
import { NONE_SENT, openSent, type Sent } from '../../src/replay/sent.ts';
import { createHostedReplays } from '../../src/replay/shared-shelf.ts';
import { createVault, type ReplayRequest } from '../../src/replay/vault.ts';
import type { SentCall, SentCalls } from '../../src/store/store.ts';

const SALT = Buffer.alloc(32, 7);
const KEY = 'a-key-of-a-caller-0123';
const KEEP_MS = 300_000;
const REQUEST: ReplayRequest = { method: 'POST', target: 'us /x', contentType: undefined, body: Buffer.from('a=b') };
const ANSWER = { kind: 'answered', status: 200, headers: [], body: Buffer.from('{}'), region: 'us' } as const;

/** What outlives a process, in memory: `start` is what the next one is given. */
function outliving() {
  const rows = new Set<SentCall>();
  const start = (): SentCalls => ({
    before: () => [...rows],
    put(call) {
      rows.add(call);
      return () => rows.delete(call);
    },
  });
  return { rows, start };
}

function openVault(sent: Sent, now = () => 0) {
  return createVault({ keepMs: KEEP_MS, maxBytes: 1 << 20, now, salt: SALT, sent });
}

function begin(vault: ReturnType<typeof openVault>, request = REQUEST, key = KEY) {
  return vault.begin(key, undefined, request);
}

it.each(['under way', 'answered'])('one that was %s is answered as unknown by the next process', (how) => {
  const { start } = outliving();
  const began = begin(openVault(openSent(start(), KEEP_MS, () => 0)));
  if (how === 'answered' && began.kind === 'first') began.settle(ANSWER);
  const next = openVault(openSent(start(), KEEP_MS, () => 0));
  expect(begin(next)).toEqual({ kind: 'replay', answer: { kind: 'unknown', code: 'answer_not_kept' } });
  // Another request under the same key, and another key.
  expect(begin(next, { ...REQUEST, body: Buffer.from('a=c') }).kind).toBe('mismatch');
  expect(begin(next, REQUEST, 'another-key-of-a-caller').kind).toBe('first');
});

it('one that surely was not sent is sent by the next process', () => {
  const { rows, start } = outliving();
  const began = begin(openVault(openSent(start(), KEEP_MS, () => 0)));
  expect(rows.size).toBe(1);
  if (began.kind === 'first') began.settle(undefined);
  expect(rows.size).toBe(0);
  expect(begin(openVault(openSent(start(), KEEP_MS, () => 0))).kind).toBe('first');
});

it('is known for as long after the start as answers are kept, and then sent', () => {
  const { start } = outliving();
  begin(openVault(openSent(start(), KEEP_MS, () => 0)));
  let nowMs = 1000;
  const next = openVault(
    openSent(start(), KEEP_MS, () => nowMs),
    () => nowMs,
  );
  nowMs += KEEP_MS - 1;
  expect(begin(next).kind).toBe('replay');
  nowMs += 1;
  expect(begin(next).kind).toBe('first');
});

it('is known to threads that share what they keep, too', () => {
  const { rows, start } = outliving();
  const open = () =>
    createHostedReplays({
      keepMs: KEEP_MS,
      maxBytes: 1 << 20,
      now: () => 0,
      sent: openSent(start(), KEEP_MS, () => 0),
    });
  const filled = (letter: string): Buffer => Buffer.alloc(16, letter);
  const [name, other, check, owner] = [filled('n'), filled('o'), filled('c'), filled('w')];
  const first = open();
  expect(first.begin(1, name, check, owner).kind).toBe('claimed');
  expect(first.begin(1, other, check, owner).kind).toBe('claimed');
  first.settle(other, owner, undefined);
  expect(rows.size).toBe(1);
  const next = open();
  expect(next.begin(2, name, check, owner)).toEqual({ kind: 'record', record: check });
  expect(next.begin(2, other, check, owner).kind).toBe('claimed');
});

it('nothing is known where nothing outlives the process', () => {
  const began = begin(openVault(openSent(undefined, KEEP_MS, () => 0)));
  expect([began.kind, NONE_SENT.before('n')]).toEqual(['first', undefined]);
});
