// `serve` as a supervisor sees it: what it says when it cannot start, and how it ends.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { type HeldRegion, openHeldRegion } from '../support/held-region.ts';
import { call, type Reply } from '../support/http.ts';
import { takePort } from '../support/ports.ts';
import { type Running, runCli, startCli } from '../support/process.ts';

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

interface Ports {
  readonly public?: number;
  readonly admin?: number;
}

function configFile(upstream: string, ports: Ports = {}): string {
  return folder.write(
    'gateway.yaml',
    `listen: { host: 127.0.0.1, port: ${ports.public ?? 0} }
admin: { host: 127.0.0.1, port: ${ports.admin ?? 0} }
regions:
  us: { upstreams: ["${upstream}"] }
accounts:
  rules: [{ domain: us.example, region: us }]
`,
  );
}

const NOWHERE = 'http://127.0.0.1:9';

interface Serving {
  readonly process: Running;
  readonly url: string;
  readonly admin: string;
}

async function serveOn(upstream: string): Promise<Serving> {
  const process = await startCli(['serve', '--config', configFile(upstream)]);
  const [, url = '', admin = ''] = await process.line(/"url":"([^"]+)","admin":"([^"]+)"/);
  return { process, url, admin };
}

describe('a start that fails', () => {
  it('exits 78 on a broken configuration before anything listens', async () => {
    // Were a listener opened first, the taken port would be what it fails on.
    await using taken = await takePort();
    const file = folder.write('broken.yaml', `listen: { port: ${taken.port}, hosts: x }\nregions: {}\n`);
    const { code, stdout, stderr } = await runCli(['serve', '--config', file]);
    expect(code).toBe(78);
    expect(stdout).toBe('');
    expect(stderr).toContain(`${file}:1:`);
    expect(stderr).toContain('listen.hosts: found an unknown key');
    expect(stderr).not.toContain('taken');
  });

  it.each(['public', 'admin'] as const)(
    'says that the %s port is taken and which key chooses another',
    async (which) => {
      await using taken = await takePort();
      const file = configFile(NOWHERE, { [which]: taken.port });
      const { code, stderr } = await runCli(['serve', '--config', file]);
      expect(code).toBe(71);
      expect(stderr).toBe(
        `Port ${taken.port} is taken: something else listens on 127.0.0.1:${taken.port}. ` +
          `Choose another under ${which === 'admin' ? 'admin' : 'listen'}.port in ${file}.\n`,
      );
    },
  );
});

describe('a signal', () => {
  let region: HeldRegion;
  let serving: Serving;
  let reply: Promise<Reply>;
  beforeEach(async () => {
    region = await openHeldRegion();
    serving = await serveOn(region.url);
    reply = call(serving.url, 'POST', '/us/api/v1/share', { body: 'secret=in+flight' });
    reply.catch(() => {});
    await region.first;
  });
  afterEach(async () => {
    await serving.process[Symbol.asyncDispose]();
    await region[Symbol.asyncDispose]();
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s drains: the request in flight gets its answer, then exit 0',
    async (signal) => {
      const { process, admin, url } = serving;
      expect((await call(admin, 'GET', '/readyz')).status).toBe(200);

      process.kill(signal);
      await process.line(/"msg":"draining"/);
      expect((await call(admin, 'GET', '/readyz')).status).toBe(503);
      expect((await call(admin, 'GET', '/livez')).status).toBe(200);
      await expect(call(url, 'GET', '/api/v1/status')).rejects.toThrow('ECONNREFUSED');

      region.release();
      const { status, headers, body } = await reply;
      expect({ status, body, connection: headers.connection }).toEqual({
        status: 200,
        body: '{"state":"new"}',
        connection: 'close',
      });
      expect(await process.exited).toEqual({ code: 0, signal: null });
      expect(region.received).toHaveLength(1);
    },
  );

  it('closes connections on which nothing is asked', async () => {
    const { hostname, port } = new URL(serving.url);
    const idle = connect(Number(port), hostname);
    await once(idle, 'connect');
    idle.resume();
    serving.process.kill('SIGTERM');
    await once(idle, 'close');
    region.release();
    expect(await serving.process.exited).toEqual({ code: 0, signal: null });
  });

  it('ends at once when it comes a second time: the request in flight is cut off, exit 1', async () => {
    serving.process.kill('SIGTERM');
    await serving.process.line(/"msg":"draining"/);
    serving.process.kill('SIGTERM');
    expect(await serving.process.exited).toEqual({ code: 1, signal: null });
    await expect(reply).rejects.toThrow();
    expect(region.received).toHaveLength(1);
  });
});

it('--log-level takes the place of log.level', async () => {
  const file = folder.write('silent.yaml', `${readFileSync(configFile(NOWHERE), 'utf8')}log: { level: silent }\n`);
  await using serving = await startCli(['serve', '--config', file, '--log-level', 'info']);
  await serving.line(/"msg":"listening"/);
});
