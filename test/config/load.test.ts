import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config/load.ts';
import { REGIONS } from './support.ts';

describe('loadConfig', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function errorOf(file: string): string {
    try {
      loadConfig(file, {});
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
    return 'accepted';
  }

  function write(name: string, content: string | Buffer): string {
    const file = join(folder, name);
    writeFileSync(file, content);
    return file;
  }

  it('reads a file, also with a byte order mark and CRLF', () => {
    const file = write('bom.yaml', `\ufeff${REGIONS.replaceAll('\n', '\r\n')}`);
    expect(loadConfig(file, {}).regions).toHaveLength(2);
  });

  it('names the file in messages', () => {
    const file = write('wrong.yaml', `${REGIONS}log: { level: loud }\n`);
    expect(errorOf(file).slice(0, file.length + 29)).toBe(`${file}:4:8: log.level: found "loud"`);
  });

  it('says at line 1 that there is no such file', () => {
    const file = join(folder, 'none.yaml');
    expect(errorOf(file)).toBe(`${file}:1:1: found no such file, expected a configuration file`);
  });

  it('says at line 1 that it found a directory', () => {
    expect(errorOf(folder)).toBe(`${folder}:1:1: found a directory, expected a configuration file`);
  });

  it('says at line 1 that a file in place of a folder cannot be read', () => {
    const file = join(write('plain', ''), 'gateway.yaml');
    expect(errorOf(file)).toBe(
      `${file}:1:1: found a file that cannot be read (ENOTDIR), expected a configuration file`,
    );
  });

  it('says at line 1 that a file is empty', () => {
    const file = write('empty.yaml', '');
    expect(errorOf(file)).toBe(
      `${file}:1:1: found an empty file, expected a configuration with at least the key regions`,
    );
  });

  it('says at line 1 that a file is not text', () => {
    const file = write('binary.yaml', Buffer.from([0x72, 0xff, 0xfe]));
    expect(errorOf(file)).toBe(`${file}:1:1: found bytes that are not UTF-8, expected a text file in UTF-8`);
  });
});
