// What `npm pack` makes, installed elsewhere as somebody would: compiled JavaScript that runs on its own.
import { globSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { type Finished, ROOT, type Running, run, start } from '../support/process.ts';

const INSTALL_TIMEOUT_MS = 240_000;
const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };

/** An environment as outside of npm scripts, with this Node first. */
const env: Record<string, string | undefined> = {
  ...Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => /^npm_/i.test(name))
      .map((name) => [name, undefined]),
  ),
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
};

let folder: Folder;
let files: string[];
let bin: string;

async function succeed(command: string, args: string[], cwd: string): Promise<Finished> {
  const finished = await run(command, args, { cwd, env });
  expect(finished, `${command} ${args.join(' ')}`).toMatchObject({ code: 0 });
  return finished;
}

const installed = (...args: string[]): Promise<Finished> => run(bin, args, { cwd: folder.path, env });
const startInstalled = (...args: string[]): Promise<Running> => start(bin, args, { cwd: folder.path, env });

beforeAll(async () => {
  folder = openFolder();
  const tarball = join(folder.path, `onetime-gateway-${version}.tgz`);
  await succeed('npm', ['pack', '--pack-destination', folder.path], ROOT);
  const { stdout } = await succeed('tar', ['-tzf', tarball], folder.path);
  files = stdout.trim().split('\n').sort();
  // Said where: npm would take a folder above this one that has packages already.
  const where = ['--prefix', folder.path];
  await succeed(
    'npm',
    ['install', ...where, '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', tarball],
    folder.path,
  );
  bin = join(folder.path, 'node_modules/.bin/onetime-gateway');
}, INSTALL_TIMEOUT_MS);
afterAll(() => folder[Symbol.dispose]());

describe('the tarball', () => {
  it('holds compiled code, configuration and documents, and nothing else', () => {
    const expected =
      /^package\/(dist\/.*\.js|dist\/console\/page\/.*\.(html|css|svg|png)|config\/.*|docs\/.*\.(md|svg|png)|(README|CHANGELOG)\.md|LICENSE|package\.json)$/;
    expect(files.filter((file) => !expected.test(file))).toEqual([]);
    for (const file of ['README.md', 'CHANGELOG.md', 'LICENSE', 'config/gateway.yaml', 'docs/routing.md']) {
      expect(files).toContain(`package/${file}`);
    }
  });

  it('is of this build: one file of code for each source', () => {
    const sources = globSync('src/**/*.ts', { cwd: ROOT, exclude: ['**/*.d.ts'] });
    const built = files.filter((file) => file.startsWith('package/dist/') && file.endsWith('.js'));
    expect(built).toEqual(sources.map((file) => file.replace(/^src(.*)\.ts$/, 'package/dist$1.js')).sort());
  });

  it('has all of the operators’ page', () => {
    const page = globSync('src/console/page/**/*.{html,css,svg,png}', { cwd: ROOT });
    expect(page).toContain('src/console/page/index.html');
    expect(files).toEqual(expect.arrayContaining(page.map((file) => file.replace(/^src/, 'package/dist'))));
  });
});

describe('installed elsewhere, without development packages', () => {
  it('says its version', async () => {
    expect(await installed('--version')).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('checks the configuration that it brings', async () => {
    const { code, stdout } = await installed('check');
    expect(code).toBe(0);
    expect(stdout).toMatch(/node_modules\/onetime-gateway\/config\/gateway\.yaml: good\. Regions: us, eu\.\n$/);
  });

  it('explains a decision', async () => {
    const { code, stdout } = await installed('explain', 'POST', '/eu/api/v1/share', '--user', 'a@b.example', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ decision: 'permit', region: 'eu' });
  });

  it('runs a twin, and a gateway before it', async () => {
    await using twin = await startInstalled('twin', '--region', 'us', '--port', '0');
    const [, upstream] = await twin.line(/ at (http:\S+)$/m);
    const [, account = ''] = await twin.line(/^account (\S+)$/m);
    const config = folder.write(
      'gateway.yaml',
      `listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
regions: { us: { upstreams: ["${upstream}"] } }
accounts: { rules: [{ domain: us.example, region: us }] }
`,
    );
    await using gateway = await startInstalled('serve', '--config', config);
    const [, url = '', admin = ''] = await gateway.line(/"url":"([^"]+)","admin":"([^"]+)"/);

    const created = await call(url, 'POST', '/api/v1/share', { as: account, body: 'secret=packed' });
    expect(created).toMatchObject({ status: 200, headers: { 'onetime-gateway-region': 'us' } });
    const retrieved = await call(url, 'POST', `/us/api/v1/secret/${created.json().secret_key}`);
    expect(retrieved.json()).toMatchObject({ value: 'packed' });
    expect((await call(admin, 'GET', '/metrics')).body).toContain(`onetime_gateway_build_info{version="${version}"`);

    const page = await call(admin, 'GET', '/');
    expect(page.status).toBe(200);
    const scripts = [...page.body.matchAll(/(?:src|href)="(\/console\/[^"]+)"/g)].map(([, path = '']) => path);
    for (const path of [...scripts, '/console/uPlot.esm.js']) {
      expect([path, (await call(admin, 'GET', path)).status]).toEqual([path, 200]);
    }

    gateway.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  });
});
