// Every command of the README is run here as it stands, or named with the reason why not.
import { randomUUID } from 'node:crypto';
import { chmodSync, readFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { loadIdentityKeys } from '../../src/store/identity-key.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { blocksOf, readDocument } from '../support/markdown.ts';
import { needs } from '../support/needs.ts';
import { ROOT, type Running, run, start, startCli } from '../support/process.ts';

const readme = readDocument('README.md');
const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };

/** What is not run here, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'npm run demo': 'takes fixed ports; test/cli/demo.test.ts runs the same with free ones',
  'npm test': 'runs this test',
  'bash .ci/run': 'runs this test',
  'npm run typecheck': 'a step of .ci/run',
  'npm run lint': 'a step of .ci/run',
  'npm pack': 'test/package/install.test.ts',
  [`npm install --global ./onetime-gateway-${version}.tgz`]: 'test/package/install.test.ts, into a folder of its own',
  'docker compose up --build': 'needs a Docker engine; test/package/container.test.ts checks the files',
  'docker build --tag onetime-gateway .': 'needs a Docker engine; test/package/container.test.ts checks the files',
  'docker run --rm --publish 8080:8080 --volume ./gateway.yaml:/app/gateway.yaml:ro --volume onetime-gateway-data:/app/data onetime-gateway serve --config gateway.yaml':
    'needs a Docker engine; test/package/container.test.ts checks the files',
};

/** Commands that end by themselves with exit 0, and what they print. */
const ENDING: Readonly<Record<string, RegExp>> = {
  'npm run -s gateway -- check --config config/gateway.yaml': /: good\. Regions: us, eu\.\n$/,
  'onetime-gateway check --config gateway.yaml': /: good\. Regions: us, eu\.\n$/,
  'onetime-gateway explain POST /api/v1/share --user ann@corp.example --config gateway.yaml': /^sent to {2}us /m,
  'onetime-gateway accounts add ben@partner.example --region eu --config gateway.yaml': /^added: eu, pinned \(id /,
  'onetime-gateway accounts show ben@partner.example --config gateway.yaml': /^in force +eu, pinned$/m,
  'onetime-gateway accounts move ben@partner.example --to us --keep-old --config gateway.yaml':
    /^finished +it lives in us$/m,
  'onetime-gateway admin token --name deploy --role write': /^ +otga_[\w-]{43}$/m,
  'onetime-gateway keys rotate --config gateway.yaml': /^A new identity key is first in .*\/data\/identity\.key\.\n/,
};

/** Commands that run until a signal, and what tells that they run. */
const LASTING: Readonly<Record<string, RegExp>> = {
  'onetime-gateway serve --config gateway.yaml': /"msg":"listening"/,
  'onetime-gateway twin --region us --port 7801': /^twin region us /m,
};

const REPEATED = "curl -X POST -H 'Idempotency-Key: UUID' http://127.0.0.1:8080/api/v1/secret/KEY";

/** Calls of a running gateway, and the status of their answers. */
const CALLS: Readonly<Record<string, number>> = {
  "curl -u ann@corp.example:TOKEN -d 'secret=hello' -d ttl=3600 http://127.0.0.1:8080/api/v1/share": 200,
  'curl -u ann@corp.example:TOKEN http://127.0.0.1:8080/api/v1/private/recent': 200,
  'curl -X POST http://127.0.0.1:8080/api/v1/secret/KEY': 200,
  'curl -X POST http://127.0.0.1:8080/us/api/v1/secret/KEY': 200,
  "curl -X POST -H 'Onetime-Region: us' http://127.0.0.1:8080/api/v1/secret/KEY": 200,
  'curl http://127.0.0.1:8080/api/v1/status': 200,
  'curl -i http://127.0.0.1:8080/secret/KEY': 302,
  [REPEATED]: 200,
  'curl http://127.0.0.1:9464/livez': 200,
  'curl http://127.0.0.1:9464/readyz': 200,
  'curl http://127.0.0.1:9464/metrics': 200,
  'curl http://127.0.0.1:9464/admin/v1/regions': 200,
};

let folder: Folder;
/** With a command `onetime-gateway` that runs the sources. */
let env: Record<string, string>;
beforeAll(() => {
  folder = openFolder();
  const command = folder.write('onetime-gateway', `#!/bin/sh\nexec "${process.execPath}" "${ROOT}src/main.ts" "$@"\n`);
  chmodSync(command, 0o755);
  const { identityKeyFile } = loadConfig(folder.write('gateway.yaml', blocksOf(readme, 'yaml')[0] ?? ''), {});
  // As after a first start.
  loadIdentityKeys({ file: identityKeyFile, env: undefined, now: Date.now });
  const free = { GATEWAY_PORT: '0', GATEWAY_ADMIN_PORT: '0' };
  env = { ...free, PATH: `${folder.path}${delimiter}${process.env.PATH}` };
});
afterAll(() => folder[Symbol.dispose]());

it('every command of the README is run or named', () => {
  const commands = blocksOf(readme, 'sh').flatMap((block) => block.trim().split('\n'));
  const known = [ELSEWHERE, ENDING, LASTING, CALLS].flatMap((list) => Object.keys(list));
  expect([...new Set(commands)].toSorted()).toEqual(known.toSorted());
});

describe('commands', () => {
  it.each(Object.entries(ENDING))('%s', async (command, printed) => {
    const cwd = command.startsWith('npm') ? ROOT : folder.path;
    const { code, stdout, stderr } = await run('bash', ['-c', command], { cwd, env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(printed);
  });

  it.each(Object.entries(LASTING))('%s', async (command, printed) => {
    const onFreePort = command.replace('--port 7801', '--port 0');
    await using running = await start('bash', ['-c', `exec ${onFreePort}`], { cwd: folder.path, env });
    await running.line(printed);
    running.kill('SIGTERM');
    expect(await running.exited).toEqual({ code: 0, signal: null });
  });
});

describe.runIf(needs('curl', 'apt-get install curl'))('calls', () => {
  let demo: Running;
  let gateway: string;
  let admin: string;
  let account: string;
  beforeAll(async () => {
    demo = await startCli(['demo', '--port', '0', '--admin-port', '0']);
    [, gateway = '', admin = ''] = await demo.line(/^gateway: (\S+)\nadmin: (\S+)$/m);
    [, account = ''] = await demo.line(/-u (alice@\S+)/);
  });
  afterAll(() => demo[Symbol.asyncDispose]());

  /** The command with what its words in capitals stand for. */
  async function filledIn(command: string): Promise<string> {
    const created = await call(gateway, 'POST', '/api/v1/share', { as: account, body: 'secret=for+the+readme' });
    return command
      .replace('http://127.0.0.1:8080', gateway)
      .replace('http://127.0.0.1:9464', admin)
      .replace('ann@corp.example:TOKEN', account)
      .replace('UUID', randomUUID())
      .replace('/KEY', `/${created.json().secret_key}`);
  }

  it('the same line again gets the same answer again, with Idempotency-Replayed: true', async () => {
    const line = `${await filledIn(REPEATED)} -sSi`;
    const first = await run('bash', ['-c', line]);
    const second = await run('bash', ['-c', line]);
    const [, body] = first.stdout.split('\r\n\r\n');
    expect(body).toContain('"value":"for the readme"');
    expect(second.stdout.split('\r\n\r\n')[1]).toBe(body);
    expect([first, second].map(({ stdout }) => /^Idempotency-Replayed: true\r$/im.test(stdout))).toEqual([false, true]);
  });

  it.each(Object.entries(CALLS))('%s', async (command, status) => {
    const actual = await filledIn(command);
    const { code, stdout, stderr } = await run('bash', ['-c', `${actual} -sS -o /dev/null -w '%{http_code}'`]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: String(status), stderr: '' });
  });
});
