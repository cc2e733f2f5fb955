// config/systemd/: held to systemd's own checks, to the gateway that the unit starts, and to what the guide says of it.
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { CAN_CONFINE, startConfined, writableIn } from '../support/confined.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { readDocument } from '../support/markdown.ts';
import { needs } from '../support/needs.ts';
import { run, runCli } from '../support/process.ts';

const UNIT = readDocument('config/systemd/onetime-gateway.service');
const RELOAD = readDocument('config/systemd/reload.conf');
const GUIDE = readDocument('docs/deploying.md');
const STATE = '/var/lib/onetime-gateway';
/** What `systemd-analyze security` may say at most: 0 is nothing exposed, 10 everything. */
const EXPOSURE_MAX = 1.5;

/** The values of a unit file, in order; one that is set again stands behind. */
function valuesOf(text: string, key: string): string[] {
  return [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

const one = (key: string): string => valuesOf(UNIT, key).join('|');
const [program = '', ...words] = one('ExecStart').split(' ');
const configPath = words.at(-1) ?? '';

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

/** A unit that names programs of this machine, since systemd looks whether they are there. */
function writeUnit(text: string): string {
  const gateway = folder.write(basename(program), '#!/bin/sh\n');
  chmodSync(gateway, 0o755);
  return folder.write('onetime-gateway.service', text.replace(program, gateway));
}

describe.runIf(needs('systemd-analyze', 'apt-get install systemd'))('what systemd says of the unit', () => {
  const verify = async (text: string) => {
    const { code, stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', writeUnit(text)]);
    // Other units of the machine are read, too.
    const own = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('onetime-gateway'));
    return { code, own };
  };

  it('verify has nothing to say', async () => {
    expect(await verify(UNIT)).toEqual({ code: 0, own: [] });
  });

  it('verify would say something of a key that does not exist, or a program that is not there', async () => {
    const { own } = await verify(`${UNIT}\n[Service]\nProtectSytem=strict\n`);
    expect(own.join('\n')).toContain('ProtectSytem');
    const away = folder.write('away.service', UNIT);
    expect((await run('systemd-analyze', ['verify', '--man=no', away])).code).not.toBe(0);
  });

  it(`security finds it exposed by at most ${EXPOSURE_MAX}, and the guide says by how much`, async () => {
    const { stdout } = await run('systemd-analyze', ['security', '--offline=true', '--no-pager', writeUnit(UNIT)]);
    const exposure = Number(/exposure level for onetime-gateway\.service: ([\d.]+)/.exec(stdout)?.[1]);
    expect(exposure).toBeGreaterThan(0);
    expect(exposure).toBeLessThanOrEqual(EXPOSURE_MAX);
    expect(GUIDE).toContain(`exposure ${exposure} of 10`);
  });

  it('reload.conf is accepted on top of it, where systemd is new enough', async () => {
    const version = Number(/^systemd (\d+)/.exec((await run('systemd-analyze', ['--version'])).stdout)?.[1]);
    const { own } = await verify(`${UNIT}\n${RELOAD}`);
    if (version >= 253) expect(own).toEqual([]);
    // Before, the type is not known, and nothing else is found.
    else expect(own).toEqual([expect.stringContaining('notify-reload')]);
  });
});

describe.runIf(needs('systemd-sysusers', 'apt-get install systemd'))('the user', () => {
  it('is made by sysusers, without a shell, and is the one of the unit', async () => {
    mkdirSync(`${folder.path}/etc`);
    const file = folder.write('users.conf', readDocument('config/systemd/onetime-gateway.sysusers.conf'));
    const { code, stderr } = await run('systemd-sysusers', [`--root=${folder.path}`, file]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('onetime-gateway') });
    const { stdout } = await run('cat', [`${folder.path}/etc/passwd`]);
    expect(stdout).toMatch(new RegExp(`^${one('User')}:.*:${STATE}:.*nologin$`, 'm'));
    expect(one('Group')).toBe(one('User'));
  });
});

describe('the unit', () => {
  it('runs serve on the configuration that comes with it, as a package that npm has installed has it', async () => {
    const { bin } = JSON.parse(readDocument('package.json'));
    expect(Object.keys(bin)).toEqual([basename(program)]);
    expect(basename(dirname(program))).toBe('bin');
    expect(words).toEqual(['serve', '--config', '/etc/onetime-gateway/gateway.yaml']);
    expect(await runCli(['check', '--config', 'config/systemd/gateway.yaml'])).toMatchObject({ code: 0 });
  });

  it('may write where this configuration keeps what it keeps, and nowhere else', () => {
    const { store, identityKeyFile, audit } = parseConfig(readDocument('config/systemd/gateway.yaml'), configPath, {});
    const places = [
      store.kind === 'sqlite' ? store.path : '',
      identityKeyFile,
      audit?.file ?? '',
      audit?.keyFile ?? '',
    ];
    expect(places.map((place) => dirname(place))).toEqual([STATE, STATE, STATE, STATE]);
    expect(one('StateDirectory')).toBe(basename(STATE));
    expect(one('ProtectSystem')).toBe('strict');
    expect(valuesOf(UNIT, 'ReadWritePaths')).toEqual([]);
  });

  it.runIf(CAN_CONFINE)('needs no more than that: not root, no capability, nothing else to write', async () => {
    const data = writableIn(folder);
    const text = readDocument('config/systemd/gateway.yaml')
      .replaceAll(STATE, data)
      .replaceAll(/port: \d+/g, 'port: 0');
    await using serving = await startConfined(data, ['serve', '--config', folder.write('gateway.yaml', text)]);
    const [, admin = ''] = await serving.line(/"admin":"(http:[^"]+)"/);
    expect((await call(admin, 'GET', '/readyz')).status).toBe(200);
    serving.kill('SIGTERM');
    expect(await serving.exited).toEqual({ code: 0, signal: null });
    const kept = ['audit.jsonl', 'audit.key', 'audit.key.pub', 'gateway.db', 'identity.key'];
    expect(readdirSync(data)).toEqual(expect.arrayContaining(kept));
  });

  it('keeps compiled code where the gateway looks for it', () => {
    // code-cache.ts: XDG_CACHE_HOME/onetime-gateway. %C is /var/cache.
    expect(one('Environment')).toContain('XDG_CACHE_HOME=%C');
    expect(one('CacheDirectory')).toBe('onetime-gateway');
  });

  it('waits longer than the gateway drains, and starts nothing again that a restart does not mend', () => {
    expect(readDocument('src/cli/serve.ts')).toContain('DRAIN_BOUND_MS = 25_000');
    expect(Number(one('TimeoutStopSec'))).toBeGreaterThan(25 + 10);
    expect(one('Restart')).toBe('on-failure');
    expect(one('RestartPreventExitStatus')).toBe('64 78');
  });

  it('lets systemd-notify speak for it, and writes no memory down', () => {
    expect(one('Type')).toBe('notify');
    expect(one('NotifyAccess')).toBe('all');
    expect(Number(one('WatchdogSec'))).toBeGreaterThanOrEqual(10);
    expect(one('WatchdogSignal')).toBe('SIGKILL');
    expect(one('LimitCORE')).toBe('0');
    expect(one('RestrictAddressFamilies').split(' ')).toContain('AF_UNIX');
  });

  it('leaves on what V8 needs, and says so', () => {
    expect(one('MemoryDenyWriteExecute')).toBe('no');
    expect(UNIT).toMatch(/# MemoryDenyWriteExecute has to stay off: V8/);
  });
});
