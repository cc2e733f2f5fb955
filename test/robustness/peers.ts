// Debian's proxies, each before the same region. Their configurations are what somebody has who knows their manuals, before an
// API: one prefix, the client's address and nobody else's word for it, the same times, whole requests before anything is sent
// where that can be had, sizes as they come.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, launch, launchOn } from '../../bench/lib/child.ts';
import { isInstalled } from '../../bench/lib/machine.ts';
import { nginxFolders, nginxHead } from '../../bench/lib/nginx.ts';
import {
  type Candidate,
  PATIENT_SECONDS,
  type Subject,
  subjectOf,
  TIME_SECONDS,
  type Tls,
  type Variant,
} from './subjects.ts';

interface Setting {
  readonly folder: string;
  /** The port of the region. */
  readonly region: number;
  /** Its own. */
  readonly port: number;
  /** For what it tells of itself. */
  readonly metricsPort: number | undefined;
  readonly variant: Variant;
  readonly tls: Tls | undefined;
}

/** What one client may ask of secrets in a minute, where there are limits. */
const PER_MINUTE = 20;
/** How long a caller may take. */
const patience = (variant: Variant): number => (variant === 'patient' ? PATIENT_SECONDS : TIME_SECONDS);
const isLimited = (variant: Variant): boolean => variant === 'limits' || variant === 'behind';

const NGINX_SENDER: Partial<Record<Variant, string>> = {
  behind: 'set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;',
  proxied: 'set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;',
};

function nginxListen(variant: Variant, tls: Tls | undefined): string {
  if (variant === 'proxied') return ' proxy_protocol;';
  return tls === undefined ? ';' : ` ssl http2; ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key};`;
}

const nginxFile = ({ folder, region, port, variant, tls }: Setting): string => `${nginxHead(folder, 'nginx')}
http {
${nginxFolders(folder, 'nginx')}
  access_log off;
  client_header_timeout ${patience(variant)}s;
  client_body_timeout ${patience(variant)}s;
  send_timeout ${patience(variant)}s;
  reset_timedout_connection on;
  limit_req_zone $binary_remote_addr zone=clients:10m rate=${PER_MINUTE}r/m;
  limit_req_status 429;
  upstream region { server 127.0.0.1:${region}; keepalive 16; }
  server {
    listen 127.0.0.1:${port}${nginxListen(variant, tls)}
    keepalive_requests 1000;
    ${NGINX_SENDER[variant] ?? ''}
    location /api/ {
      ${isLimited(variant) ? `limit_req zone=clients burst=${PER_MINUTE - 1} nodelay;` : ''}
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Client-IP "";
      proxy_set_header X-Forwarded-Host "";
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Forwarded "";
      proxy_connect_timeout ${TIME_SECONDS}s;
      proxy_read_timeout ${TIME_SECONDS}s;
      proxy_next_upstream off;
      proxy_pass http://region;
    }
  }
}
`;

const HAPROXY_SENDER: Partial<Record<Variant, string>> = {
  behind: '  http-request set-src req.hdr_ip(x-forwarded-for)\n',
  proxied: '  tcp-request connection expect-proxy layer4 if { src 127.0.0.1 }\n',
};

const HAPROXY_LIMIT = `  stick-table type ipv6 size 100k expire 1m store http_req_rate(1m)
  http-request track-sc0 src,ipmask(32,64)
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt ${PER_MINUTE} }
`;

const haproxyMetrics = (port: number): string => `frontend metrics
  bind 127.0.0.1:${port}
  http-request use-service prometheus-exporter if { path /metrics }
`;

const haproxyFile = ({ region, port, metricsPort, variant, tls }: Setting): string => `global
  maxconn 8192
  nbthread 1
defaults
  mode http
  timeout client ${patience(variant)}s
  timeout http-request ${patience(variant)}s
  timeout server ${TIME_SECONDS}s
  timeout connect ${TIME_SECONDS}s
  http-reuse always
  option http-buffer-request
  option http-restrict-req-hdr-names reject
frontend public
  bind 127.0.0.1:${port}${tls === undefined ? '' : ` ssl crt ${tls.cert} alpn h2,http/1.1`}
${HAPROXY_SENDER[variant] ?? ''}${isLimited(variant) ? HAPROXY_LIMIT : ''}\
  http-request deny deny_status 405 if METH_TRACE
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Real-IP %[src]
  http-request del-header X-Client-IP
  http-request del-header X-Forwarded-Host
  http-request del-header Forwarded
  http-request return status 404 unless { path_beg /api/ }
  default_backend region
backend region
  server region 127.0.0.1:${region}
${metricsPort === undefined ? '' : haproxyMetrics(metricsPort)}`;

function caddySites({ port, metricsPort, tls }: Setting): string {
  if (tls !== undefined) return `https://localhost:${port}`;
  return metricsPort === undefined ? `http://127.0.0.1:${port}, http://gateway:${port}` : `http://:${port}`;
}

const caddyFile = (setting: Setting): string => `{
  admin ${setting.metricsPort === undefined ? 'off' : `127.0.0.1:${setting.metricsPort}`}
  auto_https off
  servers {
    ${setting.metricsPort === undefined ? '' : 'metrics'}
    timeouts {
      read_header ${patience(setting.variant)}s
      read_body ${patience(setting.variant)}s
      write ${2 * patience(setting.variant)}s
    }
  }
}
${caddySites(setting)} {
  bind 127.0.0.1
  ${setting.tls === undefined ? '' : `tls ${setting.tls.cert} ${setting.tls.key}`}
  handle /api/* {
    reverse_proxy 127.0.0.1:${setting.region} {
      header_up X-Real-IP {remote_host}
      header_up -X-Client-IP
      header_up -Forwarded
      buffer_requests
      max_buffer_size 8MB
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

const CADDY_LACKS: Partial<Record<Variant, string>> = {
  limits: 'Debian’s build has no limits',
  behind: 'Debian’s build has no limits',
  proxied: 'Debian’s build has no PROXY protocol',
};

const versionOf = (command: string, args: readonly string[]): string => {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return /[\d.]+\d/.exec(stdout + stderr)?.[0] ?? '';
};

/** A program that is told its ports. */
async function serveOn(
  told: Pick<Setting, 'variant' | 'tls'>,
  start: (port: number, metricsPort?: number) => Child,
): Promise<Subject> {
  let subject: Subject | undefined;
  await launchOn(told.variant === 'metrics' ? 2 : 1, ([port = 0, metricsPort]) => {
    const child = start(port, metricsPort);
    subject = subjectOf(child, told, port, metricsPort);
    return child;
  });
  if (subject === undefined) throw new Error('launchOn has started nothing');
  return subject;
}

interface Program {
  readonly name: string;
  readonly command: string;
  readonly packaged: string;
  readonly softStop: Candidate['softStop'];
  readonly askVersion: string;
  /** The name of its file, and what is in it. */
  readonly config: readonly [string, (setting: Setting) => string];
  args(file: string, folder: string): string[];
  readonly lacks?: Candidate['lacks'];
}

function peer({ name, command, packaged, softStop, askVersion, config, args, lacks }: Program): Candidate {
  const [fileName, written] = config;
  return {
    name,
    command,
    missing: isInstalled(command) ? undefined : `apt-get install ${packaged}`,
    softStop,
    version: () => versionOf(command, [askVersion]),
    lacks: (variant) => lacks?.(variant),
    start: (folder, region, variant, tls) =>
      serveOn({ variant, tls }, (port, metricsPort) => {
        const file = join(folder, fileName);
        writeFileSync(file, written({ folder, region, port, metricsPort, variant, tls }));
        const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
        return launch(command, args(file, folder), { name: command, folder, core: undefined, env });
      }),
  };
}

export const PEERS: readonly Candidate[] = [
  peer({
    name: 'nginx',
    command: 'nginx',
    packaged: 'nginx-light',
    softStop: 'SIGQUIT',
    askVersion: '-v',
    config: ['nginx.conf', nginxFile],
    args: (file, folder) => ['-c', file, '-p', folder, '-e', 'stderr'],
    lacks: (variant) => (variant === 'metrics' ? 'it has no series' : undefined),
  }),
  peer({
    name: 'HAProxy',
    command: 'haproxy',
    packaged: 'haproxy',
    softStop: 'SIGUSR1',
    askVersion: '-v',
    config: ['haproxy.cfg', haproxyFile],
    args: (file) => ['-db', '-f', file],
  }),
  peer({
    name: 'Caddy',
    command: 'caddy',
    packaged: 'caddy',
    softStop: 'SIGTERM',
    askVersion: 'version',
    config: ['Caddyfile', caddyFile],
    args: (file) => ['run', '--config', file, '--adapter', 'caddyfile'],
    lacks: (variant) => CADDY_LACKS[variant],
  }),
];
