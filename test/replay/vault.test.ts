import { describe, expect, it } from 'vitest';
import { createVault, type Replayable, type ReplayRequest } from '../../src/replay/vault.ts';
import {
  ANSWER,
  beginFirst,
  CALLER,
  KEEP_MS,
  KEY,
  MAX_BYTES,
  NOT_KEPT,
  openVault,
  REVEAL,
  UNKNOWN,
} from './support.ts';

const replayOf = (answer: Replayable) => ({ kind: 'replay', answer });

describe('a repeat with the same key, caller and request', () => {
  it('gets the first answer again, to the byte, as often as it asks', () => {
    const { vault } = openVault();
    beginFirst(vault).settle(ANSWER);
    for (let i = 0; i < 3; i++) expect(vault.begin(KEY, CALLER, REVEAL)).toEqual(replayOf(ANSWER));
    expect(vault.readings()).toMatchObject({ entries: 1, underWay: 0, kept: 1, marked: 0, replayed: 3 });
  });

  it('gets an empty answer again, and one of an anonymous caller', () => {
    const { vault } = openVault();
    const empty: Replayable = { kind: 'answered', status: 204, headers: [], body: Buffer.alloc(0), region: 'us' };
    beginFirst(vault, { caller: undefined }).settle(empty);
    expect(vault.begin(KEY, undefined, REVEAL)).toEqual(replayOf(empty));
  });

  it('gets an unknown outcome as unknown, and is not sent', () => {
    const { vault } = openVault();
    beginFirst(vault).settle(UNKNOWN);
    expect(vault.begin(KEY, CALLER, REVEAL)).toEqual(replayOf(UNKNOWN));
  });

  it('gets what was answered, whatever the caller of settle does with its buffers afterwards', () => {
    const { vault } = openVault();
    const body = Buffer.from('the secret');
    beginFirst(vault).settle({ kind: 'answered', status: 200, headers: [], body, region: 'eu' });
    body.fill(0);
    const replay = vault.begin(KEY, CALLER, REVEAL);
    expect(replay).toMatchObject({ answer: { body: Buffer.from('the secret') } });
  });

  it('is replayed until the last millisecond of keepMs after the answer, and then is a first', () => {
    const { vault, clock } = openVault();
    const first = beginFirst(vault);
    clock.ms += 60_000;
    first.settle(ANSWER);
    clock.ms += KEEP_MS - 1;
    expect(vault.begin(KEY, CALLER, REVEAL).kind).toBe('replay');
    clock.ms += 1;
    expect(vault.begin(KEY, CALLER, REVEAL).kind).toBe('first');
    expect(vault.readings()).toMatchObject({ entries: 0, bytes: 0, expired: 1, evicted: 0 });
  });

  it('is a first again when nothing was to be kept', () => {
    const { vault } = openVault();
    beginFirst(vault).settle(undefined);
    beginFirst(vault).settle(ANSWER);
    expect(vault.readings()).toMatchObject({ entries: 1, kept: 1 });
  });

  it('keeps what was settled first when settled again', () => {
    const { vault } = openVault();
    const first = beginFirst(vault);
    first.settle(ANSWER);
    first.settle(undefined);
    first.settle(UNKNOWN);
    expect(vault.begin(KEY, CALLER, REVEAL)).toEqual(replayOf(ANSWER));
  });

  it('does not let a late second settle end the flight of the next first', () => {
    const { vault } = openVault();
    const first = beginFirst(vault);
    first.settle(undefined);
    beginFirst(vault);
    first.settle(undefined);
    expect(vault.begin(KEY, CALLER, REVEAL).kind).toBe('under_way');
  });
});

describe('the same key otherwise', () => {
  const others: [string, Partial<ReplayRequest>][] = [
    ['method', { method: 'GET' }],
    ['path', { target: '/api/v2/secret/3xyy/reveal?continue=true' }],
    ['query', { target: '/api/v2/secret/3xyz/reveal?continue=false' }],
    ['content type', { contentType: 'text/plain' }],
    ['absent content type', { contentType: undefined }],
    ['empty content type', { contentType: '' }],
    ['body', { body: Buffer.from('{"passphrase":"open sesamf"}') }],
    ['empty body', { body: Buffer.alloc(0) }],
    ['boundary between path and content type', { target: `${REVEAL.target}a`, contentType: 'pplication/json' }],
  ];
  it.each(others)('with another %s is a mismatch while the first is under way, and afterwards', (_, change) => {
    const { vault, clock } = openVault();
    const other = { ...REVEAL, ...change };
    const first = beginFirst(vault);
    expect(vault.begin(KEY, CALLER, other)).toEqual({ kind: 'mismatch' });
    first.settle(ANSWER);
    expect(vault.begin(KEY, CALLER, other)).toEqual({ kind: 'mismatch' });
    expect(vault.begin(KEY, CALLER, REVEAL)).toEqual(replayOf(ANSWER));
    expect(vault.readings().mismatched).toBe(2);
    clock.ms += KEEP_MS;
    beginFirst(vault, { request: other });
  });

  it('of another caller, another token or nobody is unrelated', () => {
    const { vault } = openVault();
    beginFirst(vault).settle(ANSWER);
    for (const caller of [`${CALLER}x`, CALLER.slice(0, -1), '', undefined]) {
      const request = { ...REVEAL, body: Buffer.from('another') };
      beginFirst(vault, { caller, request }).settle(UNKNOWN);
      expect(vault.begin(KEY, caller, request)).toEqual(replayOf(UNKNOWN));
    }
    expect(vault.begin(KEY, CALLER, REVEAL)).toEqual(replayOf(ANSWER));
    expect(vault.readings()).toMatchObject({ entries: 5, mismatched: 0 });
  });

  it('and another key of the same caller for the same request are unrelated', () => {
    const { vault } = openVault();
    beginFirst(vault).settle(ANSWER);
    beginFirst(vault, { key: `${KEY}-2` }).settle(UNKNOWN);
  });
});

describe('a repeat while the first is under way', () => {
  /** Does what the journey does; tells who was sent, in order. */
  async function repeat(vault: ReturnType<typeof openVault>['vault'], who: number, sent: Sent[]): Promise<Replayable> {
    for (;;) {
      const began = vault.begin(KEY, CALLER, REVEAL);
      if (began.kind === 'replay') return began.answer;
      if (began.kind === 'first') return new Promise((resolve) => sent.push({ who, settle: began.settle, resolve }));
      if (began.kind === 'mismatch') throw new Error('mismatch');
      await began.done;
    }
  }
  interface Sent {
    readonly who: number;
    settle(answer: Replayable | undefined): void;
    resolve(answer: Replayable): void;
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('waits for it and gets the same answer: ten of them, one sent', async () => {
    const { vault } = openVault();
    const sent: Sent[] = [];
    const all = Array.from({ length: 10 }, (_, who) => repeat(vault, who, sent));
    await turn();
    expect(sent.map(({ who }) => who)).toEqual([0]);
    expect(vault.readings()).toMatchObject({ underWay: 1, waited: 9, entries: 0 });
    sent[0]?.settle(ANSWER);
    sent[0]?.resolve(ANSWER);
    expect(await Promise.all(all)).toEqual(Array(10).fill(ANSWER));
    expect(sent).toHaveLength(1);
    expect(vault.readings()).toMatchObject({ underWay: 0, replayed: 9 });
  });

  it('takes the place of a first that kept nothing: exactly one does, the others wait again', async () => {
    const { vault } = openVault();
    const sent: Sent[] = [];
    const all = Array.from({ length: 5 }, (_, who) => repeat(vault, who, sent));
    for (let round = 0; round < 3; round++) {
      await turn();
      expect(sent).toHaveLength(round + 1);
      expect(vault.readings().underWay).toBe(1);
      sent[round]?.settle(undefined);
      sent[round]?.resolve({ kind: 'unknown', code: 'region_failed' });
    }
    await turn();
    expect(sent.map(({ who }) => who)).toEqual([0, 1, 2, 3]);
    sent[3]?.settle(ANSWER);
    sent[3]?.resolve(ANSWER);
    expect((await Promise.all(all)).slice(3)).toEqual([ANSWER, ANSWER]);
    expect(sent).toHaveLength(4);
  });

  it('waits however long that takes, and however much is kept meanwhile', () => {
    const { vault, clock } = openVault({ maxBytes: 8192 });
    const first = beginFirst(vault);
    clock.ms += 100 * KEEP_MS;
    for (let i = 0; i < 100; i++) beginFirst(vault, { key: `${KEY}-${i}` }).settle(ANSWER);
    expect(vault.begin(KEY, CALLER, REVEAL).kind).toBe('under_way');
    first.settle(ANSWER);
    expect(vault.begin(KEY, CALLER, REVEAL)).toEqual(replayOf(ANSWER));
  });
});

describe('the bounds', () => {
  const long = (length: number): Replayable =>
    ({ ...ANSWER, kind: 'answered', headers: [], body: Buffer.alloc(length, 1) }) as Replayable;

  it('an answer over an eighth of the room leaves only that it was sent: repeats get unknown, nothing else is pushed out', () => {
    const { vault } = openVault();
    beginFirst(vault, { key: `${KEY}-small` }).settle(ANSWER);
    beginFirst(vault).settle(long(MAX_BYTES / 8));
    expect(vault.begin(KEY, CALLER, REVEAL)).toEqual(replayOf(NOT_KEPT));
    expect(vault.begin(KEY, CALLER, { ...REVEAL, target: '/' })).toEqual({ kind: 'mismatch' });
    expect(vault.begin(`${KEY}-small`, CALLER, REVEAL)).toEqual(replayOf(ANSWER));
    expect(vault.readings()).toMatchObject({ entries: 2, kept: 2, marked: 1, evicted: 0, unreadable: 0 });
  });

  it('an answer just under an eighth is kept whole', () => {
    const { vault } = openVault();
    const answer = long(MAX_BYTES / 8 - 200);
    beginFirst(vault).settle(answer);
    expect(vault.begin(KEY, CALLER, REVEAL)).toEqual(replayOf(answer));
  });

  it('the oldest go first when the room is used up, and all that is left still opens', () => {
    const { vault } = openVault();
    const answer = long(60_000);
    for (let i = 0; i < 40; i++) beginFirst(vault, { key: `${KEY}-${i}` }).settle(answer);
    const { entries, evicted, bytes } = vault.readings();
    expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
    expect(bytes).toBeGreaterThan(MAX_BYTES - 62_000);
    expect(evicted).toBe(40 - entries);
    for (let i = 0; i < 40; i++) {
      if (i >= evicted) expect(vault.begin(`${KEY}-${i}`, CALLER, REVEAL)).toEqual(replayOf(answer));
      else beginFirst(vault, { key: `${KEY}-${i}` }).settle(undefined);
    }
  });

  it('expired ones are gone by themselves after a few requests, before any reading', () => {
    const { vault, shelf, clock } = openVault();
    for (let i = 0; i < 100; i++) beginFirst(vault, { key: `${KEY}-${i}` }).settle(ANSWER);
    clock.ms += KEEP_MS;
    for (let i = 0; i < 7; i++) beginFirst(vault, { key: `${KEY}-new-${i}` }).settle(undefined);
    expect([...shelf.dump()]).toEqual([]);
    expect(vault.readings()).toMatchObject({ expired: 100, evicted: 0, bytes: 0 });
  });
});

describe('when sealing fails', () => {
  it('a repeat gets unknown and is not sent, and the cause is told', () => {
    const told: unknown[] = [];
    const cause = new Error('no randomness');
    const { vault } = openVault({
      salt: Buffer.alloc(32),
      randomBytes() {
        throw cause;
      },
      observe: (...what) => told.push(what),
    });
    beginFirst(vault).settle(ANSWER);
    expect(told).toEqual([['seal', cause]]);
    expect(vault.begin(KEY, CALLER, REVEAL)).toEqual(replayOf(NOT_KEPT));
    expect(vault.readings()).toMatchObject({ underWay: 0, marked: 1 });
  });
});

describe('one shelf for two vaults', () => {
  it('with one salt, what one keeps the other replays; with their own salts they share no names', () => {
    const one = openVault({ salt: Buffer.alloc(32, 7) });
    const bounds = { keepMs: KEEP_MS, maxBytes: MAX_BYTES, now: () => one.clock.ms, shelf: one.shelf };
    beginFirst(one.vault).settle(ANSWER);
    expect(createVault({ ...bounds, salt: Buffer.alloc(32, 7) }).begin(KEY, CALLER, REVEAL)).toEqual(replayOf(ANSWER));
    expect(createVault(bounds).begin(KEY, CALLER, REVEAL).kind).toBe('first');
  });
});
