import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createLevel, type LevelSources } from '../../src/record/level.ts';

function openLog(sources: LevelSources) {
  const written: string[] = [];
  const log = pino({}, { write: (line: string) => void written.push(JSON.parse(line).msg) });
  return { log, written, level: createLevel(log, sources) };
}

it('children and their children follow, also those that were made before', () => {
  const { log, written, level } = openLog({ file: 'info' });
  const child = log.child({ worker: 1 });
  const family = [log, child, child.child({ part: 'desk' }), log.child({}, {})];
  for (const [set, enabled] of [
    ['debug', ['debug', 'info', 'fatal']],
    ['error', ['fatal']],
    ['silent', []],
    ['info', ['info', 'fatal']],
  ] as const) {
    level.set(set);
    expect(level.get()).toBe(set);
    for (const [index, member] of family.entries()) {
      written.length = 0;
      for (const grade of ['debug', 'info', 'fatal'] as const) member[grade](grade);
      expect(written, `${index} at ${set}`).toEqual(enabled);
      for (const grade of ['debug', 'info', 'fatal'] as const) {
        expect(member.isLevelEnabled(grade)).toBe((enabled as readonly string[]).includes(grade));
      }
    }
  }
});

it('is told to whoever listens: what is set, and what the file brings', () => {
  const { level } = openLog({ file: 'info' });
  const told: string[] = [];
  level.onSet((one) => told.push(one));
  level.set('debug');
  level.follow('warn');
  level.follow('warn');
  expect(told).toEqual(['debug', 'warn']);
});

it('a word that is no level changes nothing', () => {
  const { log, level } = openLog({ file: 'info', commandLine: 'warn' });
  const told: string[] = [];
  level.onSet((one) => told.push(one));
  expect(() => level.set('loud' as 'info')).toThrow(/loud/);
  expect([level.get(), log.level, told]).toEqual(['warn', 'warn', []]);
  // The command line's is still in force.
  expect(level.follow('debug')).toBe(false);
});

describe('whose word counts', () => {
  it('the file’s, from the start and after each change', () => {
    const { log, level } = openLog({ file: 'warn' });
    expect(log.level).toBe('warn');
    expect(level.follow('debug')).toBe(true);
    expect(log.level).toBe('debug');
    expect(level.follow('debug')).toBe(false);
  });

  it('the command line’s before the file’s, until an operator sets one', () => {
    const { log, level } = openLog({ file: 'info', commandLine: 'error' });
    expect(log.level).toBe('error');
    expect(level.follow('debug')).toBe(false);
    expect(log.level).toBe('error');
    level.set('trace');
    expect(level.follow('debug')).toBe(false);
    expect(log.level).toBe('trace');
    expect(level.follow('warn')).toBe(true);
    expect(log.level).toBe('warn');
  });

  it('an operator’s before the file’s, until the file says another than before', () => {
    const { log, level } = openLog({ file: 'info' });
    level.set('debug');
    expect(level.follow('info')).toBe(false);
    expect(log.level).toBe('debug');
    expect(level.follow('error')).toBe(true);
    expect(log.level).toBe('error');
  });
});

describe('a change is said in the log', () => {
  it.each([
    ['info', 'silent', 1],
    ['silent', 'debug', 1],
    ['info', 'debug', 1],
    ['warn', 'error', 0],
  ] as const)('from %s to %s: %i times', (file, to, times) => {
    const { written, level } = openLog({ file });
    level.set(to);
    expect(written).toEqual(Array(times).fill('the log changes its level'));
  });
});
