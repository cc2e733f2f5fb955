// `check`, and what every command says of a broken configuration or command line.
import { existsSync, globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openFolder } from '../support/folder.ts';
import { ROOT, runCli } from '../support/process.ts';

const GOOD = `regions:
  us: { upstreams: ["https://us.onetimesecret.com"] }
`;
const BROKEN = `regions:
  us: { upstreams: ["https://us.onetimesecret.com"] }
limits:
  perKey: { mode: enforced }
  perkey: { per: 60s }
errors: acurate
`;

describe('check', () => {
  it('exits 0 on a good file and names its regions', async () => {
    using folder = openFolder();
    const file = folder.write('good.yaml', GOOD);
    expect(await runCli(['check', '--config', file])).toMatchObject({
      code: 0,
      stdout: `${file}: good. Regions: us.\n`,
      stderr: '',
    });
  });

  it.each(globSync('config/{*,examples/*}.yaml', { cwd: ROOT }).toSorted())('exits 0 on %s', async (file) => {
    expect(await runCli(['check', '-c', file])).toMatchObject({ code: 0, stderr: '' });
  });

  it('exits 78 on a broken one, and says file, line, key, what was found, what is expected and what was meant', async () => {
    using folder = openFolder();
    const file = folder.write('broken.yaml', BROKEN);
    const { code, stdout, stderr } = await runCli(['check', '--config', file]);
    expect(code).toBe(78);
    expect(stdout).toBe('');
    expect(stderr.trimEnd().split('\n')).toEqual([
      `${file}:4:13: limits.perKey.mode: found "enforced", expected one of enforce, shadow, off. Did you mean "enforce"?`,
      expect.stringMatching(
        /broken\.yaml:5:3: limits\.perkey: found an unknown key, expected one of the keys .*\. Did you mean "perKey"\?$/,
      ),
      `${file}:6:1: errors: found "acurate", expected one of accurate, verbatim. Did you mean "accurate"?`,
    ]);
  });

  it('exits 78 on a file that is not there', async () => {
    using folder = openFolder();
    const { code, stderr } = await runCli(['check', '--config', `${folder.path}/none.yaml`]);
    expect(code).toBe(78);
    expect(stderr).toContain('none.yaml:1:1: found no such file, expected a configuration file');
  });
});

describe('without --config', () => {
  it('takes config/gateway.yaml of the working directory', async () => {
    const { stdout } = await runCli(['check'], { cwd: ROOT });
    expect(stdout).toBe('config/gateway.yaml: good. Regions: us, eu.\n');
  });

  it('takes the one of the package where there is none', async () => {
    using folder = openFolder();
    const { stdout } = await runCli(['check'], { cwd: folder.path });
    expect(stdout).toBe(`${ROOT}config/gateway.yaml: good. Regions: us, eu.\n`);
    expect(existsSync(`${folder.path}/config`)).toBe(false);
  });
});

describe('the command line', () => {
  it.each([
    ['an unknown command', ['srve'], "unknown command 'srve'"],
    ['an unknown option', ['check', '--file', 'x'], "unknown option '--file'"],
    ['a missing argument', ['explain', 'GET'], "missing required argument 'path'"],
    ['a port that is none', ['demo', '--port', '65536'], 'A port is a number from 0 to 65535.'],
    ['a choice that is none', ['twin', '--answers-as', '0.1'], 'Allowed choices are 0.20, 0.26.'],
    ['no command', [], 'Usage: onetime-gateway'],
  ])('exits 64 on %s and says so', async (_, args, sentence) => {
    const { code, stdout, stderr } = await runCli(args);
    expect(code).toBe(64);
    expect(stdout).toBe('');
    expect(stderr).toContain(sentence);
  });

  it('exits 0 on --help, and names every command', async () => {
    const { code, stdout } = await runCli(['--help']);
    expect(code).toBe(0);
    for (const command of ['serve', 'check', 'explain', 'demo', 'twin', 'metrics-doc']) {
      expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
    }
  });
});
