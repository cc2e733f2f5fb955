// Dockerfile, compose.yaml and prometheus.yml: no Docker engine is needed to see that they fit together and the sources.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { openFolder } from '../support/folder.ts';
import { blocksOf, readDocument } from '../support/markdown.ts';
import { needs } from '../support/needs.ts';
import { ROOT, run, runCli, startCli } from '../support/process.ts';

interface Service {
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly expose?: readonly string[];
  readonly volumes?: readonly string[];
  readonly image: string;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
  readonly read_only?: boolean;
}

const compose = parse(readDocument('compose.yaml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const { gateway, prometheus, ...twins } = compose.services;
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

  it.each(['config/gateway.yaml', 'gateway.yaml', gateway?.command?.at(-1) ?? ''])('keeps data there by %s', (file) => {
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
    const test = twins[region]?.healthcheck?.test.slice(2) ?? [];
    const [flag = '', script = ''] = test;
    const { code } = await run(process.execPath, [flag, script.replace(command.at(-1) ?? '', port)]);
    expect(code).toBe(0);
  });

  it('mounts files that are there, and pins its images', () => {
    expect(prometheus?.volumes?.map((volume) => volume.split(':')[0])).toEqual(['./config/prometheus/prometheus.yml']);
    expect(existsSync(`${ROOT}config/prometheus/prometheus.yml`)).toBe(true);
    expect(prometheus?.image).toMatch(/:v\d+\.\d+\.\d+$/);
  });

  it('keeps the gateway’s data in a volume, and nothing else writable', () => {
    expect(gateway?.volumes).toEqual([`data:${dataFolder}`]);
    expect(Object.keys(compose.volumes)).toEqual(['data']);
    expect(gateway?.read_only).toBe(true);
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
