// `check --show`: the configuration key by key, for people and for programs.
import { describe, expect, it } from 'vitest';
import { openFolder } from '../support/folder.ts';
import { runCli } from '../support/process.ts';

const TEXT = `regions:
  us: { upstreams: ["https://us.onetimesecret.com"] }
listen: { port: "\${SHOW_PORT:-80}" }
store: "valkey://:\${SHOW_PASSWORD}@valkey.example"
`;
const env = { SHOW_PORT: '8081', SHOW_PASSWORD: 'canary-3f9a' };

describe('check --show', () => {
  it('prints keys, values and where these come from, and no secret', async () => {
    using folder = openFolder();
    const { code, stdout, stderr } = await runCli(['check', '--show', '-c', folder.write('g.yaml', TEXT)], { env });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^listen\.host +0\.0\.0\.0 +default$/m);
    expect(stdout).toMatch(/^listen\.port +8081 +\$SHOW_PORT, line 3$/m);
    expect(stdout).toMatch(/^regions\.us\.upstreams +\[https:\/\/us\.onetimesecret\.com\] +line 2$/m);
    expect(stdout).toMatch(/^store +valkey:\/\/\(hidden\)@valkey\.example:6379\/0\S* +\$SHOW_PASSWORD, line 4$/m);
    expect(stdout).not.toContain('canary');
  });

  it('prints JSON with --json', async () => {
    using folder = openFolder();
    const file = folder.write('g.yaml', TEXT);
    const { code, stdout } = await runCli(['check', '--show', '--json', '-c', file], { env });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      file,
      good: true,
      values: expect.arrayContaining([
        { key: 'listen.port', value: '8081', from: 'environment', line: 3, variable: 'SHOW_PORT' },
        { key: 'admin.console', value: 'true', from: 'default' },
      ]),
    });
    expect(stdout).not.toContain('canary');
  });

  it('takes the default configuration where none is named', async () => {
    using folder = openFolder();
    const { code, stdout } = await runCli(['check', '--show'], { cwd: folder.path });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^accounts\.unknown +named +line \d+$/m);
  });

  it('shows nothing of a configuration that is not good', async () => {
    using folder = openFolder();
    const file = folder.write('g.yaml', `${TEXT}errors: acurate\n`);
    const { code, stdout, stderr } = await runCli(['check', '--show', '--json', '-c', file], { env });
    expect([code, stdout]).toEqual([78, '']);
    const { problems } = JSON.parse(stderr).error;
    expect(problems).toMatchObject([{ file, line: 5, column: 1, key: 'errors', found: '"acurate"' }]);
    expect(stderr).not.toContain('canary');
  });
});
