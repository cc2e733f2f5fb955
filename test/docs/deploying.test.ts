// docs/deploying.md: links and files that are there, numbers that the unit and the manifests have, commands that work as they
// stand, and a roll-out of two gateways of which callers notice nothing.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startTwin, type Twin } from '../../src/twin/twin.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { blocksOf, readDocument } from '../support/markdown.ts';
import { needs } from '../support/needs.ts';
import { ROOT, type Running, run, runCli, startCli } from '../support/process.ts';
import { HAS_REDIS, type RedisServer, startRedis } from '../support/redis.ts';

const document = readDocument('docs/deploying.md');
const commands = blocksOf(document, 'sh').flatMap((block) => block.trim().split('\n'));
const unit = readDocument('config/systemd/onetime-gateway.service');
const { version } = JSON.parse(readDocument('package.json'));

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe('what is named', () => {
  it('links lead to files and headings that are there', () => {
    const links = [...document.matchAll(/\]\((?!http)([^)]+)\)/g)].map(([, target = '']) => target.split('#'));
    expect(links.length).toBeGreaterThan(15);
    for (const [file = '', anchor] of links) {
      const path = new URL(file === '' ? 'deploying.md' : file, `file://${ROOT}docs/`).pathname;
      expect(existsSync(path), path).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(readFileSync(path, 'utf8')), file).toContain(anchor);
    }
  });

  it('times are those of the unit and the pod', () => {
    expect(unit).toContain('WatchdogSec=30\n');
    expect(document).toMatch(/`WatchdogSec`,\n30 s/);
    expect(readDocument('src/cli/notify.ts')).toContain('BEATS = 3;');
    expect(document).toContain('`WATCHDOG=1` every 10 s');
    expect(unit).toContain('RestartSec=2\n');
    const pod = readDocument('config/kubernetes/statefulset.yaml');
    expect(pod).toContain('10_000');
    expect(pod).toContain('minReadySeconds: 10\n');
    expect(document).toContain('`preStop` waits for 10 s');
  });

  it('the secret has the keys that the pod asks for', () => {
    const given = [...(commands.find((line) => line.includes('secret generic')) ?? '').matchAll(/literal=([\w-]+)=/g)];
    const asked = [...readDocument('config/kubernetes/statefulset.yaml').matchAll(/key: ([\w-]+) \}/g)];
    expect(given.map(([, key]) => key).sort()).toEqual(asked.map(([, key]) => key).sort());
  });

  it('the package and the image have the version of this one', () => {
    expect(document).toContain(`./onetime-gateway-${version}.tgz`);
    expect(document).toContain(`onetime-gateway:${version} .`);
  });
});

/** What is not run here, and why. */
const ELSEWHERE: readonly (readonly [start: string, why: string])[] = [
  ['npm pack', 'test/package/install.test.ts'],
  ['sudo npm install', 'test/package/install.test.ts'],
  ['sudo systemctl', 'takes a machine that systemd runs'],
  ['sudo systemd-sysusers', 'test/package/systemd.test.ts'],
  ['sudo -u', 'takes the user; run without below'],
  ['docker', 'takes an engine; the options are held to the Dockerfile below'],
  ['kubectl apply', 'takes a cluster; test/package/kubernetes.test.ts builds it'],
  ['kubectl rollout', 'takes a cluster'],
  ['kubectl set', 'takes a cluster'],
  ['kubectl port-forward', 'takes a cluster'],
  ['kubectl exec', 'takes a cluster; what it runs there is run below'],
  ['kubectl create', 'below, where there is a kubectl'],
];
const isElsewhere = (line: string): boolean => ELSEWHERE.some(([start]) => line.startsWith(start));

/** A command on the machine of the reader, on a folder that stands for it. */
function moved(line: string): string {
  return line
    .replace(/^sudo (-u \S+ )?/, '')
    .replaceAll(/ \/(etc|opt|var)\//g, ` ${folder.path}/$1/`)
    .replace(/^\/opt\/onetime-gateway\/bin\/onetime-gateway/, 'onetime-gateway')
    .replace(/^onetime-gateway/, `"${process.execPath}" "${ROOT}src/main.ts"`);
}

const shell = (line: string) => run('bash', ['-c', line], { cwd: ROOT });

describe('commands', () => {
  it('are all known', () => {
    for (const [start] of ELSEWHERE)
      expect(
        commands.filter((line) => line.startsWith(start)),
        start,
      ).not.toEqual([]);
    expect(commands.filter((line) => !isElsewhere(line))).toHaveLength(6);
  });

  it('put every file where the unit and systemd look for it, and the configuration is good there', async () => {
    const here = commands.filter((line) => !isElsewhere(line));
    for (const line of here) expect(await shell(moved(line)), line).toMatchObject({ code: 0 });
    const [, config = ''] = /--config (\S+)/.exec(unit) ?? [];
    expect(existsSync(folder.path + config)).toBe(true);
    for (const file of ['onetime-gateway.service', 'onetime-gateway.service.d/reload.conf']) {
      expect(existsSync(`${folder.path}/etc/systemd/system/${file}`), file).toBe(true);
    }
  });

  it('mount and stop what the image has', () => {
    const line = commands.find((command) => command.startsWith('docker run')) ?? '';
    const compose = parse(readDocument('compose.yaml'), { merge: true });
    expect(compose.services.gateway).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    expect(line).toContain('--read-only --cap-drop ALL --security-opt no-new-privileges');
    expect(readDocument('Dockerfile')).toContain(`VOLUME ${/--volume onetime-gateway-data:(\S+)/.exec(line)?.[1]}`);
    expect(Number(/--stop-timeout (\d+)/.exec(line)?.[1])).toBeGreaterThan(25 + 10);
  });

  it.runIf(needs('systemd-analyze', 'apt-get install systemd'))('the drop-in for a low port is good', async () => {
    const [dropIn = ''] = blocksOf(document, 'ini');
    expect(dropIn).toContain('CAP_NET_BIND_SERVICE');
    const text = unit.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true');
    const file = folder.write('onetime-gateway.service', `${text}\n${dropIn}`);
    const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', file]);
    expect(`${stdout}${stderr}`).not.toContain('onetime-gateway.service');
  });
});

interface Gateway {
  readonly running: Running;
  readonly url: string;
  readonly admin: string;
}

describe.runIf(HAS_REDIS)('two gateways on one store, as the manifests have them', () => {
  let closing: AsyncDisposableStack;
  let engine: RedisServer;
  let twin: Twin;
  beforeEach(async () => {
    closing = new AsyncDisposableStack();
    engine = closing.use(await startRedis());
    // Slow enough for calls to be under way at any time.
    twin = await startTwin({ region: 'us', delayMs: 10 });
    closing.defer(() => twin.close());
  });
  afterEach(() => closing.disposeAsync());

  const env = (): Record<string, string> => ({
    GATEWAY_IDENTITY_KEY: '7b'.repeat(32),
    GATEWAY_STORE: engine.url.replace('redis:', 'valkey:'),
    GATEWAY_ADMIN_TOKEN_HASH: `sha256:${'0'.repeat(64)}`,
  });

  /** The ConfigMap, with what only a pod has replaced: ports, the volume, the regions. */
  function configOf(name: string): string {
    mkdirSync(`${folder.path}/${name}`);
    const text = readDocument('config/kubernetes/gateway.yaml')
      .replaceAll(/port: \d+/g, 'port: 0')
      .replaceAll('0.0.0.0', '127.0.0.1')
      .replaceAll('/app/data', `${folder.path}/${name}`)
      .replace('https://us.onetimesecret.com', twin.url)
      // A machine that runs many tests at once may keep an engine waiting for longer than the 50 ms of an operator.
      .concat('\nstoreTimeout: 5s\n');
    return folder.write(`${name}.yaml`, text);
  }

  async function serveOn(config: string): Promise<Gateway> {
    const running = closing.use(await startCli(['serve', '--config', config], { env: env() }));
    const [, url = '', admin = ''] = await running.line(/"url":"([^"]+)","admin":"([^"]+)"/);
    expect((await call(admin, 'GET', '/readyz')).status).toBe(200);
    return { running, url, admin };
  }

  it('commands within a pod, and as the user of the gateway, do what they are for', async () => {
    const config = configOf('0');
    await serveOn(config);
    const asked = commands.filter((line) => line.startsWith('sudo -u') || line.startsWith('kubectl exec'));
    const lines = asked.map((line) => line.replace(/^.*?(dist\/main\.js|bin\/onetime-gateway) /, '').split(' '));
    expect(lines.map(([group, verb]) => `${group} ${verb}`)).toEqual(['accounts list', 'store init', 'audit verify']);
    // The first needs what the second makes.
    for (const words of [lines[1], lines[0], lines[2]]) {
      const args = [...(words ?? []).slice(0, -1), config];
      expect(await runCli(args, { env: env() }), args.join(' ')).toMatchObject({ code: 0 });
    }
  });

  it('are replaced one after the other, and callers of the service notice nothing', async () => {
    const configs = [configOf('0'), configOf('1')];
    const [first = ''] = configs;
    expect((await runCli(['store', 'init', '--config', first], { env: env() })).code).toBe(0);
    const gateways = await Promise.all(configs.map(serveOn));
    /** Those of the service, and what was sent to each and is not answered. */
    const service = new Map(gateways.map(({ url }) => [url, new Set<Promise<unknown>>()]));
    const statuses: number[] = [];
    let isOver = false;

    async function callOn(number: number): Promise<void> {
      for (let turn = number; !isOver; turn++) {
        const [url = '', under] = [...service][turn % service.size] ?? [];
        const reply = call(url, 'POST', '/us/api/v1/share', { body: 'secret=rolled+over&ttl=600' });
        under?.add(reply);
        statuses.push((await reply).status);
        under?.delete(reply);
      }
    }

    const repeat = (url: string) =>
      call(url, 'POST', '/us/api/v1/share', {
        headers: { 'idempotency-key': '0d4a4f0a-55d8-4a3c-8a0e-3f6c2b8f2f11' },
        body: 'secret=once&ttl=600',
      });
    const made = await repeat(gateways[0]?.url ?? '');
    expect(made.status).toBe(200);

    const callers = [0, 1].map(callOn);
    for (const [index, config] of configs.entries()) {
      const { running, url } = gateways[index] ?? {};
      const under = service.get(url ?? '');
      service.delete(url ?? '');
      // What `preStop` waits for.
      await Promise.all(under ?? []);
      running?.kill('SIGTERM');
      expect(await running?.exited).toEqual({ code: 0, signal: null });
      const next = await serveOn(config);
      service.set(next.url, new Set());
    }
    isOver = true;
    await Promise.all(callers);
    expect(statuses.length).toBeGreaterThan(20);
    expect(new Set(statuses)).toEqual(new Set([200]));
    const sent = twin.requests.filter(({ method }) => method === 'POST');
    expect(sent).toHaveLength(statuses.length + 1);

    // Neither of those that were there answers any more, and the repeat is still one.
    for (const url of service.keys()) expect((await repeat(url)).body).toBe(made.body);
    // The log of each goes on where its gateway before ended.
    for (const config of configs) {
      expect(await runCli(['audit', 'verify', '--config', config], { env: env() })).toMatchObject({ code: 0 });
    }
  });
});
