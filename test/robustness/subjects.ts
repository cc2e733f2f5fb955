// Who is looked at: the gateway as a process, and Debian's proxies, each before the same region. Their configurations are what
// their manuals have for a reverse proxy before an API: one prefix, the client's address, the same times; sizes as they come.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, launch, launchOn } from '../../bench/lib/child.ts';
import { isInstalled } from '../../bench/lib/machine.ts';
import { nginxFolders, nginxHead } from '../../bench/lib/nginx.ts';
import { ROOT } from '../support/process.ts';

/** For everybody: how long a region may take, and a caller for its request. Seconds are the peers' unit. */
const TIME_SECONDS = 1;

export interface Subject extends AsyncDisposable {
  readonly url: string;
  /** Whether its process has not ended since. */
  lives(): boolean;
}

export interface Candidate {
  readonly name: string;
  /** How to install it where it is missing; undefined: it is there. */
  readonly missing: string | undefined;
  /** As it names itself. */
  version(): string;
  /** @param folder for its files @param port of the region */
  start(folder: string, port: number): Promise<Subject>;
}

/** Of the gateway before one region. @param port of the region */
export const gatewayFile = (port: number): string => `listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
regions: { us: { upstreams: ["http://127.0.0.1:${port}"] } }
accounts: { unknown: us }
anonymous: { create: us, retrieve: us }
private: { verify: presence, ownership: off }
passthrough: [{ prefix: /help, region: us }]
limits:
  anonymousRetrieval: { mode: off }
  perKey: { mode: off }
  failedAuth: { mode: off }
  account: { mode: off }
upstream: { connectTimeout: ${TIME_SECONDS}s, headersTimeout: ${TIME_SECONDS}s, bodyTimeout: ${TIME_SECONDS}s }
request: { timeout: ${TIME_SECONDS}s }
health: { breaker: { mode: off } }
store: "sqlite::memory:"
identityKey: identity.key
audit: { file: null }
`;

const NGINX = (folder: string, upstream: number, port: number): string => `${nginxHead(folder, 'nginx')}
http {
${nginxFolders(folder, 'nginx')}
  access_log off;
  client_header_timeout ${TIME_SECONDS}s;
  client_body_timeout ${TIME_SECONDS}s;
  upstream region { server 127.0.0.1:${upstream}; keepalive 16; }
  server {
    listen 127.0.0.1:${port};
    location /api/ {
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_connect_timeout ${TIME_SECONDS}s;
      proxy_read_timeout ${TIME_SECONDS}s;
      proxy_next_upstream off;
      proxy_pass http://region;
    }
  }
}
`;

const HAPROXY = (upstream: number, port: number): string => `global
  maxconn 1024
  nbthread 1
defaults
  mode http
  timeout client ${TIME_SECONDS}s
  timeout http-request ${TIME_SECONDS}s
  timeout server ${TIME_SECONDS}s
  timeout connect ${TIME_SECONDS}s
  http-reuse always
frontend public
  bind 127.0.0.1:${port}
  http-request set-header X-Forwarded-For %[src]
  http-request return status 404 unless { path_beg /api/ }
  default_backend region
backend region
  server region 127.0.0.1:${upstream}
`;

const CADDY = (upstream: number, port: number): string => `{
  admin off
  auto_https off
  servers {
    timeouts {
      read_header ${TIME_SECONDS}s
      read_body ${TIME_SECONDS}s
    }
  }
}
http://127.0.0.1:${port}, http://gateway:${port} {
  bind 127.0.0.1
  handle /api/* {
    reverse_proxy 127.0.0.1:${upstream} {
      transport http {
        dial_timeout ${TIME_SECONDS}s
        response_header_timeout ${TIME_SECONDS}s
        read_timeout ${TIME_SECONDS}s
      }
    }
  }
  respond 404
}
`;

const versionOf = (command: string, args: readonly string[], pattern: RegExp): string => {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return pattern.exec(stdout + stderr)?.[0] ?? '';
};

/** A program that is told its port. */
async function serveOn(start: (port: number) => Child): Promise<Subject> {
  let child: Child | undefined;
  const listening = await launchOn(1, ([port = 0]) => {
    child = start(port);
    return child;
  });
  return {
    url: `http://127.0.0.1:${listening.ports[0]}`,
    lives: () => child?.hasEnded === false,
    [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose](),
  };
}

export const GATEWAY_ITSELF: Candidate = {
  name: 'gateway',
  missing: undefined,
  version: () => '',
  async start(folder, port) {
    const file = join(folder, 'gateway.yaml');
    writeFileSync(file, gatewayFile(port));
    const args = [join(ROOT, 'src/main.ts'), 'serve', '--config', file];
    const child = launch(process.execPath, args, { name: 'gateway', folder, core: undefined });
    try {
      const [, own] = await child.says(/"url":"[^"]*:(\d+)"/);
      return {
        url: `http://127.0.0.1:${own}`,
        lives: () => !child.hasEnded,
        [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
      };
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    }
  },
};

const nginx: Candidate = {
  name: 'nginx',
  missing: isInstalled('nginx') ? undefined : 'apt-get install nginx-light',
  version: () => versionOf('nginx', ['-v'], /[\d.]+\d/),
  start: (folder, upstream) =>
    serveOn((port) => {
      const file = join(folder, 'nginx.conf');
      writeFileSync(file, NGINX(folder, upstream, port));
      const args = ['-c', file, '-p', folder, '-e', 'stderr'];
      return launch('nginx', args, { name: 'nginx', folder, core: undefined });
    }),
};

const haproxy: Candidate = {
  name: 'HAProxy',
  missing: isInstalled('haproxy') ? undefined : 'apt-get install haproxy',
  version: () => versionOf('haproxy', ['-v'], /[\d.]+\d/),
  start: (folder, upstream) =>
    serveOn((port) => {
      const file = join(folder, 'haproxy.cfg');
      writeFileSync(file, HAPROXY(upstream, port));
      return launch('haproxy', ['-db', '-f', file], { name: 'haproxy', folder, core: undefined });
    }),
};

const caddy: Candidate = {
  name: 'Caddy',
  missing: isInstalled('caddy') ? undefined : 'apt-get install caddy',
  version: () => versionOf('caddy', ['version'], /[\d.]+\d/),
  start: (folder, upstream) =>
    serveOn((port) => {
      const file = join(folder, 'Caddyfile');
      writeFileSync(file, CADDY(upstream, port));
      const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
      const args = ['run', '--config', file, '--adapter', 'caddyfile'];
      return launch('caddy', args, { name: 'caddy', folder, core: undefined, env });
    }),
};

export const PEERS: readonly Candidate[] = [nginx, haproxy, caddy];
