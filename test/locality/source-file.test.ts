// What the source answered before a restart, and what becomes of a file that was changed, cut or lost.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RegionName } from '../../src/domain.ts';
import { createKeyedHash } from '../../src/keyed-hash.ts';
import { createSourceFile, type SourceFileOptions } from '../../src/locality/source-file.ts';
import { createLineFormat } from '../../src/locality/source-line.ts';
import { createSourceMemory } from '../../src/locality/source-memory.ts';
import { openFolder } from '../support/folder.ts';
import {
  codeOf,
  eventually,
  HASH,
  homeOf,
  idOf,
  MINUTE,
  NOW,
  openDirectory,
  openSource,
  says,
  status,
  TOKEN,
} from './source-support.ts';

const ANN = 'ann@example.com';
const URL_OF_SOURCE = 'https://directory.example/where';

function place(): string {
  const folder = openFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  return join(folder.path, 'data', 'localities');
}

/** Memory and file as in a source, without its connections. */
function openFile(file: string, over: Partial<SourceFileOptions> = {}) {
  const times = { refreshMs: MINUTE, expireMs: 10 * MINUTE, negativeMs: MINUTE };
  const memory = createSourceMemory({ ...times, entries: 1000 });
  const troubles: unknown[] = [];
  const opened = { nowMs: NOW };
  const kept = createSourceFile({
    file,
    url: URL_OF_SOURCE,
    hash: HASH,
    regions: new Set(['eu', 'us', 'ca']),
    expireMs: times.expireMs,
    now: () => opened.nowMs,
    live: memory.live,
    liveCount: () => memory.size.good,
    observe: (what, cause) => troubles.push({ what, cause }),
    ...over,
  });
  return Object.assign(opened, {
    kept,
    memory,
    troubles,
    load(): Record<string, string> {
      const loaded: Record<string, string> = {};
      kept.load((name, answer) => {
        const { home, pinned, also } = answer.locality;
        loaded[name] = [home, pinned, ...also].join(' ');
        memory.found(name, answer);
      });
      return loaded;
    },
    found(account: string, home: string, pinned = true, also: string[] = []): void {
      const locality = { home: home as RegionName, pinned, also: also as RegionName[] };
      const answer = { locality, atMs: opened.nowMs };
      memory.found(idOf(account), answer);
      kept.found(idOf(account), answer);
    },
    gone(account: string): void {
      memory.missing(idOf(account), opened.nowMs);
      kept.gone(idOf(account), opened.nowMs);
    },
  });
}

const load = (file: string, over?: Partial<SourceFileOptions>) => openFile(file, over).load();
const linesOf = (file: string): string[] => readFileSync(file, 'latin1').split('\n').slice(0, -1);

/** A file with one line for each of three accounts, and what it says. */
async function written(): Promise<{ file: string; said: Record<string, string> }> {
  const file = place();
  const writer = openFile(file);
  writer.load();
  writer.found('ann', 'eu');
  writer.found('bob', 'us', false, ['ca', 'eu']);
  writer.found('cat', 'ca', true, ['us']);
  await writer.kept.close();
  const said = { [idOf('ann')]: 'eu true', [idOf('bob')]: 'us false ca eu', [idOf('cat')]: 'ca true us' };
  expect(load(file)).toEqual(said);
  return { file, said };
}

describe('after a restart with the source away', () => {
  it('accounts answered before are served until they expire, others are unavailable', async () => {
    const file = place();
    const directory = await openDirectory();
    const before = openSource(directory.url, { file });
    directory.answer = says({ region: 'us', pinned: false, also: ['eu'] });
    await before.locate(ANN);
    await before.close();
    await directory.stop();

    const after = openSource(directory.url, { file });
    after.nowMs = NOW + 10 * MINUTE;
    const value = { home: 'us', pinned: false, also: ['eu'] };
    expect(after.locate(ANN)).toEqual({ kind: 'found', value });
    expect(after.readings()).toMatchObject({ entries: 1, oldestAgeMs: 10 * MINUTE, lastAnswerMs: undefined });
    expect(codeOf(await after.locate('bob@example.com'))).toBe('SOURCE_UNREACHABLE');
    after.nowMs++;
    expect(codeOf(await after.locate(ANN))).toBe('SOURCE_UNREACHABLE');

    const late = openSource(directory.url, { file, now: () => NOW + 10 * MINUTE + 1 });
    expect(late.readings()).toMatchObject({ entries: 0, fileLines: 1, fileSkipped: 1 });
    const early = openSource(directory.url, { file, now: () => NOW - 1 });
    expect(early.readings()).toMatchObject({ entries: 0, fileLines: 1, fileSkipped: 1 });
  });

  it('accounts that the source had given up do not come back, and "missing" is not kept', async () => {
    const file = place();
    const directory = await openDirectory();
    const before = openSource(directory.url, { file });
    await before.locate(ANN);
    directory.answer = status(404);
    before.nowMs += 11 * MINUTE;
    expect(homeOf(await before.locate(ANN))).toBe('missing');
    expect(homeOf(await before.locate('bob@example.com'))).toBe('missing');
    await before.close();
    await directory.stop();
    const after = openSource(directory.url, { file });
    expect((await after.locate(ANN)).kind).toBe('unavailable');
    expect((await after.locate('bob@example.com')).kind).toBe('unavailable');
    expect(readFileSync(file, 'utf8')).not.toContain(idOf('bob@example.com'));
  });

  it('accounts that the source gave up after a restart do not come back after the next', async () => {
    const { file } = await written();
    const second = openFile(file);
    second.load();
    second.gone('ann');
    second.gone('nobody');
    await second.kept.close();
    expect(Object.keys(load(file))).toEqual([idOf('bob'), idOf('cat')]);
    expect(linesOf(file)).toHaveLength(4);
  });

  it('what was answered last holds, though the clock was set back in between', async () => {
    const file = place();
    const writer = openFile(file);
    writer.load();
    writer.found('ann', 'eu');
    writer.found('bob', 'eu');
    await writer.kept.close();
    const second = openFile(file);
    second.load();
    second.nowMs = NOW - MINUTE;
    second.found('ann', 'us');
    second.gone('bob');
    await second.kept.close();
    expect(load(file)).toEqual({ [idOf('ann')]: 'us true' });
  });
});

describe('the file', () => {
  it('is written within moments, for its user alone, and holds no name, token or address', async () => {
    const file = place();
    const directory = await openDirectory();
    const source = openSource(directory.url, { file });
    const names = [ANN, 'bob', 'x'.repeat(200)];
    for (const name of names) await source.locate(name);
    await eventually(() => existsSync(file) && linesOf(file).length).toBe(3);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
    const text = readFileSync(file, 'latin1');
    expect(text).toMatch(/^(1 \d+ [0-9a-f]{32} \d+ found eu 1 - [0-9a-f]{32}\n){3}$/);
    for (const name of names) expect(text).toContain(idOf(name));
    for (const secret of [...names, TOKEN, directory.url, '127.0.0.1']) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret).toString('hex'));
      expect(text).not.toContain(Buffer.from(secret).toString('base64'));
    }
  });

  it('that others can read is closed to them at the start', async () => {
    const { file } = await written();
    const copy = `${file}.copy`;
    writeFileSync(copy, readFileSync(file), { mode: 0o644 });
    load(copy);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
  });

  it('has lines of which none can be read when any of their bits is changed', () => {
    const format = createLineFormat(HASH, URL_OF_SOURCE);
    const line = { sequence: 12, name: idOf('ann'), atMs: NOW, facts: undefined };
    const facts = { region: 'eu', pinned: true, also: ['ca', 'us'] };
    for (const each of [line, { ...line, facts }, { ...line, facts: { ...facts, pinned: false, also: [] } }]) {
      const text = format.write(each);
      expect(format.read(text)).toEqual(each);
      for (let bit = 0; bit < text.length * 8; bit++) {
        const bytes = Buffer.from(text);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(format.read(bytes.toString('latin1')), `bit ${bit}`).toBeUndefined();
      }
    }
  });

  it('gives no other answer, whichever of its bytes is changed', async () => {
    const { file, said } = await written();
    const good = readFileSync(file);
    const changed = `${file}.changed`;
    for (let at = 0; at < good.length - 1; at++) {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(changed, bytes);
      const reader = openFile(changed);
      const loaded = reader.load();
      const left = Object.keys(loaded);
      // A changed end of line spoils two.
      expect(left, `byte ${at}`).toHaveLength(good[at] === 0x0a ? 1 : 2);
      for (const name of left) expect(loaded[name], `byte ${at}`).toBe(said[name]);
      expect(reader.kept.readings().skipped).toBeGreaterThan(0);
      expect(reader.troubles).toEqual([]);
    }
  });

  it('gives no other answer, wherever it is cut, and what is added then is whole', async () => {
    const { file, said } = await written();
    const good = readFileSync(file);
    const ends = [...good.keys()].filter((at) => good[at] === 0x0a);
    const cut = `${file}.cut`;
    for (let length = 0; length < good.length; length++) {
      writeFileSync(cut, good.subarray(0, length));
      // A line that lacks nothing but its end is whole.
      const whole = ends.filter((end) => end <= length).length;
      expect(load(cut), `${length} bytes`).toEqual(Object.fromEntries(Object.entries(said).slice(0, whole)));
      if (length % 32 !== 0) continue;
      const writer = openFile(cut);
      writer.load();
      writer.found('dan', 'us');
      await writer.kept.close();
      expect(load(cut)[idOf('dan')], `${length} bytes`).toBe('us true');
      expect(Object.keys(load(cut))).toHaveLength(whole + 1);
    }
  });

  it('of another identity key, of another source, or signed by nobody, says nothing', async () => {
    const { file } = await written();
    const other = createKeyedHash(Buffer.alloc(32, 7));
    for (const over of [{ hash: other }, { url: `${URL_OF_SOURCE}s` }]) {
      const reader = openFile(file, over);
      expect(reader.load()).toEqual({});
      expect(reader.kept.readings()).toEqual({ lines: 3, skipped: 3 });
    }
    const [line = ''] = linesOf(file);
    appendFileSync(file, `${line.replace(idOf('ann'), idOf('eve'))}\n${line.slice(0, -33)}\n${line} \n`);
    const reader = openFile(file);
    expect(Object.keys(reader.load())).toHaveLength(3);
    expect(reader.kept.readings()).toEqual({ lines: 6, skipped: 3 });
  });

  it('says nothing of regions that are no longer configured', async () => {
    const { file } = await written();
    expect(load(file, { regions: new Set(['eu', 'us']) })).toEqual({ [idOf('ann')]: 'eu true' });
  });

  it('cannot be made to say again what was true once, by adding an old line', async () => {
    const { file } = await written();
    const [old = ''] = linesOf(file);
    const writer = openFile(file);
    writer.load();
    writer.found('ann', 'us');
    await writer.kept.close();
    appendFileSync(file, `${old}\n`);
    expect(load(file)[idOf('ann')]).toBe('us true');
  });

  it('full of junk is read to its end in pieces', async () => {
    const { file, said } = await written();
    const good = readFileSync(file, 'latin1');
    const junk = ['\0'.repeat(300_000), '\n'.repeat(70_000), 'é\r\n', '1 '.repeat(50_000), '\xff'];
    writeFileSync(file, `${junk.join('\n')}\n${good}${'x'.repeat(200_000)}`, 'latin1');
    const reader = openFile(file);
    expect(reader.load()).toEqual(said);
    expect(reader.kept.readings().skipped).toBe(5);
  });

  it('is written anew when it is twice as long as what holds, and loses then what has expired', async () => {
    const file = place();
    const writer = openFile(file);
    writer.load();
    const names = Array.from({ length: 100 }, (_, at) => `account-${at}`);
    writer.found('expired', 'eu');
    for (const name of names) writer.found(name, 'eu');
    // A crash left half of a new file behind.
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(`${file}.next`, 'half a fi');
    await writer.kept.close();
    expect(linesOf(file)).toHaveLength(101);

    let longest = 0;
    for (let round = 1; round <= 6; round++) {
      const next = openFile(file);
      next.nowMs = NOW + 9 * MINUTE * round;
      next.load();
      for (const name of names) next.found(name, round % 2 === 0 ? 'eu' : 'us');
      await next.kept.close();
      expect(next.troubles).toEqual([]);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      longest = Math.max(longest, linesOf(file).length);
      expect(next.kept.readings().lines).toBe(linesOf(file).length);
      const reader = openFile(file, { now: () => next.nowMs });
      const loaded = reader.load();
      const now = round % 2 === 0 ? 'eu true' : 'us true';
      expect(new Set(names.map((name) => loaded[idOf(name)]))).toEqual(new Set([now]));
    }
    expect(longest).toBeLessThanOrEqual(202);
    expect(readFileSync(file, 'latin1')).not.toContain(idOf('expired'));
    expect(readdirSync(join(file, '..'))).toEqual(['localities']);
  });

  it('loses nothing that happens while it is being written anew', async () => {
    const file = place();
    let during: (() => void) | undefined;
    const live: SourceFileOptions['live'] = (nowMs) => {
      if (during !== undefined) setImmediate(during);
      during = undefined;
      return writer.memory.live(nowMs);
    };
    const writer = openFile(file, { live });
    writer.load();
    for (let at = 0; at < 200; at++) writer.found(`account-${at}`, 'eu');
    await eventually(() => existsSync(file) && linesOf(file).length).toBe(200);
    for (let at = 100; at < 200; at++) writer.gone(`account-${at}`);
    writer.found('new', 'eu');
    during = () => {
      writer.gone('account-0');
      writer.gone('new');
      writer.found('account-1', 'us');
      writer.found('account-150', 'ca');
    };
    // 101 answers in 301 lines are written anew, and then the four that came meanwhile.
    await eventually(() => linesOf(file).length).toBe(105);
    await writer.kept.close();
    expect(writer.troubles).toEqual([]);
    const loaded = load(file);
    expect(Object.keys(loaded)).toHaveLength(100);
    for (const name of ['account-0', 'new']) expect(loaded[idOf(name)]).toBeUndefined();
    expect(loaded[idOf('account-1')]).toBe('us true');
    expect(loaded[idOf('account-150')]).toBe('ca true');
  });

  it('that cannot be read or written costs no request, is told, and is made whole later', async () => {
    const file = place();
    mkdirSync(file, { recursive: true });
    const directory = await openDirectory();
    const source = openSource(directory.url, { file });
    expect(source.events.map(({ event }) => event)).toEqual(['load']);
    expect(homeOf(await source.locate(ANN))).toBe('eu');
    await eventually(() => source.events.map(({ event }) => event)).toEqual(['load', 'write']);
    rmdirSync(file);
    expect(homeOf(await source.locate('bob'))).toBe('eu');
    await source.close();
    await directory.stop();
    const after = openSource(directory.url, { file });
    expect([ANN, 'bob'].map((name) => homeOf(after.locate(name)))).toEqual(['eu', 'eu']);
    expect(after.readings().fileSkipped).toBe(0);
  });

  it('that could not be read does not keep what the source gave up since', async () => {
    const { file } = await written();
    renameSync(file, `${file}.away`);
    mkdirSync(file);
    const writer = openFile(file);
    expect(writer.load()).toEqual({});
    rmdirSync(file);
    renameSync(`${file}.away`, file);
    writer.gone('ann');
    await eventually(() => linesOf(file).length).toBe(0);
    await writer.kept.close();
    expect(writer.troubles).toHaveLength(1);
    expect(load(file)).toEqual({});
  });

  it('that is gone with its folder is made again from what memory holds', async () => {
    const { file, said } = await written();
    const writer = openFile(file);
    writer.load();
    rmSync(join(file, '..'), { recursive: true });
    writer.found('dan', 'us');
    await writer.kept.close();
    expect(writer.troubles).toHaveLength(1);
    expect(load(file)).toEqual({ ...said, [idOf('dan')]: 'us true' });
  });

  it('below something that is no folder costs no request either', async () => {
    const file = place();
    const directory = await openDirectory();
    writeFileSync(join(file, '..'), '');
    const source = openSource(directory.url, { file });
    expect(homeOf(await source.locate(ANN))).toBe('eu');
    await source.close();
    expect(source.events.map(({ event }) => event)).toEqual(['load', 'write']);
    for (const { cause } of source.events) expect(String(cause)).not.toContain(ANN);
  });
});

it('tells after any restart what was found last and is not gone', async () => {
  const account = fc.constantFrom('ann', 'bob', 'cat', 'dan');
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant('found' as const), account, fc.constantFrom('eu', 'us', 'ca')) },
    { weight: 3, arbitrary: fc.tuple(fc.constant('gone' as const), account, fc.constant('')) },
    { weight: 2, arbitrary: fc.constant(['restart', '', ''] as const) },
    { weight: 2, arbitrary: fc.constant(['passing', '', ''] as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      using folder = openFolder();
      const file = join(folder.path, 'localities');
      const model = new Map<string, string>();
      let opened = openFile(file);
      opened.load();
      async function restart(): Promise<void> {
        await opened.kept.close();
        expect(opened.troubles).toEqual([]);
        opened = openFile(file);
        expect(opened.load()).toEqual(Object.fromEntries(model));
      }
      function found(name: string, region: string): void {
        model.set(idOf(name), `${region} true`);
        opened.found(name, region);
      }
      function gone(name: string): void {
        model.delete(idOf(name));
        opened.gone(name);
      }
      for (const [what, name, region] of steps) {
        if (what === 'found') found(name, region);
        else if (what === 'gone') gone(name);
        else if (what === 'passing') {
          // Enough lines, after a few rounds, for a new file.
          for (let at = 0; at < 30; at++) found(`passing-${at}`, 'eu');
          await restart();
          for (let at = 0; at < 30; at++) gone(`passing-${at}`);
        } else await restart();
      }
      await restart();
    }),
    { numRuns: 100 },
  );
}, 60_000);
