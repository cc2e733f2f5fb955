// Dockerfile, compose.yaml and what it mounts: no Docker engine is needed to see that they fit together and the sources.
import { existsSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { ALICE } from '../support/lab.ts';
import { blocksOf, readDocument } from '../support/markdown.ts';
import { needs } from '../support/needs.ts';
import { ROOT, run, runCli, startCli } from '../support/process.ts';
import { HAS_REDIS, startRedis, until } from '../support/redis.ts';

interface Service {
  readonly command?: readonly string[];
  readonly user?: string;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly networks?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly expose?: readonly string[];
  readonly volumes?: readonly string[];
  readonly image: string;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly build?: string;
  readonly stop_grace_period?: string;
  readonly read_only?: boolean;
}

const compose = parse(readDocument('compose.yaml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  networks: Record<string, { internal?: boolean }>;
};
const { gateway, prometheus, grafana, store, 'store-init': storeInit, ...twins } = compose.services;
const workdir = '/app';
const dataFolder = `${workdir}/data`;

/** Instructions of the Dockerfile, by stage. */
const stages = readDocument('Dockerfile')
  .split(/^(?=FROM )/m)
  .slice(1)
  .map((stage) => stage.split('\n').filter((line) => /^[A-Z]+ /.test(line)));
const runtime = stages.at(-1) ?? [];

function instruction(stage: readonly string[], name: string): string {
  return stage.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? '';
}

/** What a stage copies from this folder. */
function copied(stage: readonly string[]): string[] {
  const own = stage.filter((line) => line.startsWith('COPY ') && !line.includes('--from='));
  return own.flatMap((line) => line.split(' ').slice(1, -1));
}

describe('Dockerfile', () => {
  it('takes every stage from the Node that the project is tested with', () => {
    const { devDependencies } = JSON.parse(readDocument('package.json')) as { devDependencies: Record<string, string> };
    const major = devDependencies.node?.split('.')[0];
    expect(stages.map((stage) => stage[0]?.split(' ')[1])).toEqual([`node:${major}-slim`, `node:${major}-slim`]);
  });

  it('copies files that are there, and .dockerignore lets these through and nothing else', () => {
    const sources = stages.flatMap(copied);
    expect(sources.filter((source) => !existsSync(ROOT + source))).toEqual([]);
    const ignored = readDocument('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(ignored).toEqual(['*', ...sources.map((source) => `!${source}`)]);
  });

  it('runs as a user that is not root, set before anything runs', () => {
    expect(instruction(runtime, 'USER')).toBe('node');
  });

  it('has a folder for data, of the user’s own and a volume', () => {
    expect(instruction(runtime, 'WORKDIR')).toBe(workdir);
    expect(instruction(runtime, 'VOLUME')).toBe(dataFolder);
    const made = runtime.indexOf('RUN install -d -o node -g node -m 700 data');
    expect(made).toBeGreaterThan(-1);
    // Later steps could not change what is in a volume; earlier ones have no folder yet.
    expect(runtime.findIndex((line) => line.startsWith('VOLUME '))).toBe(made + 1);
    expect(runtime.indexOf('USER node')).toBe(made + 2);
  });

  it.each(['config/gateway.yaml', 'gateway.yaml'])('keeps data there by %s', (file) => {
    const text = existsSync(ROOT + file) ? readDocument(file) : (blocksOf(readDocument('README.md'), 'yaml')[0] ?? '');
    const { store, identityKeyFile } = parseConfig(text, `${workdir}/${file}`, {});
    expect(store).toEqual({ kind: 'sqlite', path: `${dataFolder}/gateway.db` });
    expect(identityKeyFile).toBe(`${dataFolder}/identity.key`);
  });

  it('starts what the package starts, and exposes the default ports', () => {
    const { bin } = JSON.parse(readDocument('package.json')) as { bin: Record<string, string> };
    expect(JSON.parse(instruction(runtime, 'ENTRYPOINT'))).toEqual(['node', bin['onetime-gateway']]);
    expect(JSON.parse(instruction(runtime, 'CMD'))).toEqual(['serve']);
    const { listen, admin } = loadConfig(`${ROOT}config/gateway.yaml`, {});
    expect(instruction(runtime, 'EXPOSE').split(' ').map(Number)).toEqual([listen.port, admin.port]);
  });

  it('has a health check that says 0 of a running gateway and 1 of none', async () => {
    const [node = '', ...args] = JSON.parse(instruction(runtime, 'HEALTHCHECK').replace(/^.*? CMD /, '')) as string[];
    expect(node).toBe('node');
    using folder = openFolder();
    const file = folder.write(
      'gateway.yaml',
      'listen: { host: 127.0.0.1, port: 0 }\nadmin: { port: 0 }\nregions: { us: { upstreams: ["http://127.0.0.1:9"] } }\n',
    );
    await using serving = await startCli(['serve', '--config', file]);
    const [, port] = await serving.line(/"admin":"http:\/\/127\.0\.0\.1:(\d+)"/);
    const check = () => run(process.execPath, args, { env: { GATEWAY_ADMIN_PORT: port } });
    expect(await check()).toMatchObject({ code: 0, stderr: '' });
    serving.kill('SIGTERM');
    await serving.exited;
    expect(await check()).toMatchObject({ code: 1, stderr: '' });
  });
});

describe('compose.yaml', () => {
  const file = gateway?.command?.at(-1) ?? '';
  const config = loadConfig(ROOT + file, {});

  it('serves a configuration of the image, on the ports that it says', () => {
    expect(gateway?.command?.slice(0, 2)).toEqual(['serve', '--config']);
    expect(copied(runtime)).toContain(file.split('/')[0]);
    expect(gateway?.ports).toEqual([`${config.listen.port}:${config.listen.port}`]);
  });

  it('keeps the admin port inside its network', () => {
    expect(config.admin.host).toBe('0.0.0.0');
    expect(gateway?.expose).toEqual([String(config.admin.port)]);
    expect(JSON.stringify(gateway?.ports)).not.toContain(String(config.admin.port));
  });

  it('waits longer for the gateway than the gateway drains', () => {
    expect(gateway?.stop_grace_period).toBe('30s');
    expect(readDocument('src/cli/serve.ts')).toContain('DRAIN_BOUND_MS = 25_000');
  });

  it('has a twin at every upstream of that configuration', () => {
    const upstreams = config.regions.flatMap((region) => region.upstreams);
    const origins = Object.entries(twins).map(([service, { command }]) => `http://${service}:${command?.at(-1)}`);
    expect(origins).toEqual(upstreams);
  });

  it.each(Object.entries(twins))('starts the twin %s with a command that works', async (region, { command = [] }) => {
    await using twin = await startCli([...command.slice(0, -1), '0']);
    const [, port = ''] = await twin.line(new RegExp(`^twin region ${region} .*:(\\d+)$`, 'm'));
    const test = twins[region]?.healthcheck?.test?.slice(2) ?? [];
    const [flag = '', script = ''] = test;
    const { code } = await run(process.execPath, [flag, script.replace(command.at(-1) ?? '', port)]);
    expect(code).toBe(0);
  });

  it('mounts files and folders that are there', () => {
    const mounts = Object.values(compose.services).flatMap(({ volumes = [] }) =>
      volumes.map((volume) => volume.split(':')),
    );
    const bound = mounts.filter(([from]) => from?.startsWith('./'));
    expect(bound).toHaveLength(4);
    for (const [from = '', to = '', mode] of bound) {
      expect(existsSync(ROOT + from), from).toBe(true);
      expect(mode, from).toBe('ro');
      if (statSync(ROOT + from).isFile()) expect(basename(to)).toBe(basename(from));
    }
    const named = mounts.filter(([from]) => !from?.startsWith('./')).map(([from]) => from);
    expect([...new Set(named)].sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  it('mounts every file that prometheus.yml names beside it', () => {
    const { rule_files }: { rule_files: string[] } = parse(readDocument('config/prometheus/prometheus.yml'));
    for (const rules of rule_files) {
      expect(prometheus?.volumes).toContain(`./config/prometheus/${rules}:/etc/prometheus/${rules}:ro`);
    }
  });

  it('pins its images', () => {
    const pulled = Object.values(compose.services).filter(({ build }) => build === undefined);
    expect(pulled).toHaveLength(3);
    for (const { image } of pulled) expect(image).toMatch(/^[\w/]+:v?\d+\.\d+\.\d+$/);
  });

  it.each(Object.entries(compose.services))(
    'gives %s nothing to write but its volumes, and no privileges',
    (_name, service) => {
      expect(service.read_only).toBe(true);
      expect(service.cap_drop).toEqual(['ALL']);
      expect(service.security_opt).toEqual(['no-new-privileges:true']);
    },
  );

  it('asks every service but the one-shot how it is', () => {
    const ofImage = new Set(['gateway']);
    for (const [name, { healthcheck }] of Object.entries(compose.services)) {
      if (name === 'store-init') expect(healthcheck).toEqual({ disable: true });
      else if (!ofImage.has(name)) expect(healthcheck?.test?.[0], name).toBe('CMD');
    }
  });

  it('keeps the gateway’s data in a volume, and the store’s', () => {
    expect(gateway?.volumes).toEqual([`data:${dataFolder}`]);
    expect(storeInit?.volumes).toEqual(gateway?.volumes);
    expect(parseConfig(readDocument(file), `${workdir}/${file}`, {}).identityKeyFile).toBe(
      `${dataFolder}/identity.key`,
    );
    expect(store?.volumes).toEqual(['store:/data']);
  });

  it('has nothing with a default password, and publishes nothing but the gateway beyond this machine', () => {
    const published = Object.entries(compose.services).flatMap(([name, { ports = [] }]) =>
      ports.map((port) => [name, port]),
    );
    expect(published.filter(([, port]) => !port?.startsWith('127.0.0.1:'))).toEqual([['gateway', '8080:8080']]);
    expect(published.map(([name]) => name)).not.toContain('store');
    expect(grafana?.environment).toMatchObject({
      GF_AUTH_ANONYMOUS_ENABLED: 'true',
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
      GF_AUTH_DISABLE_LOGIN_FORM: 'true',
      GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
    });
  });

  it('lets the gateway alone reach the store', () => {
    expect(compose.networks.state).toEqual({ internal: true });
    const there = Object.entries(compose.services).filter(([, { networks = ['default'] }]) =>
      networks.includes('state'),
    );
    expect(there.map(([name]) => name).sort()).toEqual(['gateway', 'store', 'store-init']);
    expect(store?.networks).toEqual(['state']);
    const [node] = config.store.kind === 'valkey' ? config.store.nodes : [];
    expect(node).toEqual({ host: 'store', port: 6379 });
  });

  it('starts the gateway when store and regions answer, and store-init when the gateway has made the identity key', () => {
    const healthy = { condition: 'service_healthy' };
    expect(gateway?.depends_on).toEqual({ us: healthy, eu: healthy, store: healthy });
    expect(storeInit?.command).toEqual(['store', 'init', '--config', file]);
    expect(storeInit?.depends_on).toEqual({ gateway: healthy });
    expect(prometheus?.depends_on).toEqual({ 'store-init': { condition: 'service_completed_successfully' } });
  });

  it.runIf(HAS_REDIS)('runs: the store by its own options, the gateway on it, store-init again and again', async () => {
    const [program, ...args] = store?.command ?? [];
    expect(program).toBe('valkey-server');
    await using engine = await startRedis({ args });
    expect(await engine.cli('CONFIG', 'GET', 'maxmemory-policy')).toContain('noeviction');
    expect(await engine.cli('CONFIG', 'GET', 'appendonly')).toContain('yes');
    using folder = openFolder();
    // As the services have it, but for what only a container has: host names, fixed ports, its folder.
    const text = readDocument(file)
      .replace('valkey://store:6379', engine.url.replace('redis:', 'valkey:'))
      .replaceAll('../../data/', '')
      .replaceAll(/(host: 0\.0\.0\.0\n {2}port: )\d+/g, (_all, before: string) => `${before}0`)
      // A machine that runs many tests at once may keep an engine waiting for longer than the 50 ms of an operator.
      .concat('\nstoreTimeout: 5s\n');
    const own = folder.write('compose.yaml', text);
    const withOwn = (service: Service | undefined) => [...(service?.command?.slice(0, -1) ?? []), own];
    await using serving = await startCli(withOwn(gateway));
    const [, url = '', admin = ''] = await serving.line(/"url":"(http:[^"]+)","admin":"(http:[^"]+)"/);
    const create = () => call(url, 'POST', '/api/v1/share', { as: ALICE, body: 'secret=x&ttl=600' });
    expect((await create()).json().error).toBe('directory_unavailable');
    expect(await runCli(withOwn(storeInit))).toMatchObject({ code: 0, stdout: expect.stringContaining('Made') });
    expect(await runCli(withOwn(storeInit))).toMatchObject({ code: 0, stdout: expect.stringContaining('already') });
    const metrics = async () => (await call(admin, 'GET', '/metrics')).body;
    await until(async () => /^onetime_gateway_directory_leased 1$/m.test(await metrics()));
    // The region us is not there, but its account was located: the store is in use.
    expect((await create()).json().error).toBe('region_unreachable');
  });

  it('has Prometheus scrape the gateway’s admin port', () => {
    const { scrape_configs } = parse(readDocument('config/prometheus/prometheus.yml')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    const targets = scrape_configs.flatMap((job) => job.static_configs.flatMap((group) => group.targets));
    expect(targets).toEqual([`gateway:${config.admin.port}`]);
  });

  it.runIf(needs('promtool', 'apt-get install prometheus'))('has a prometheus.yml that promtool accepts', async () => {
    const { code, stdout } = await run('promtool', ['check', 'config', 'config/prometheus/prometheus.yml']);
    expect(stdout).toContain('SUCCESS');
    expect(code).toBe(0);
  });

  it('runs a configuration that check accepts', async () => {
    expect(await runCli(['check', '--config', file])).toMatchObject({ code: 0 });
  });
});
