// nginx before an API, as somebody has it who knows its manual.
import { nginxFolders, nginxHead } from '../../bench/lib/nginx.ts';
import { isLimited, PER_MINUTE, patience, peer, type Setting } from './peer.ts';
import { BOUNDS, type Candidate, TIME_SECONDS, type Tls, type Variant } from './subjects.ts';

const SENDER: Partial<Record<Variant, string>> = {
  behind: 'set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;',
  proxied: 'set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;',
};

const BOUNDED = `client_max_body_size ${BOUNDS.bodyBytes};
    keepalive_requests ${BOUNDS.requestsAConnection};
    keepalive_timeout ${BOUNDS.idleSeconds}s;
    limit_conn connections ${BOUNDS.connectionsAnAddress};`;

function listenOf(variant: Variant, tls: Tls | undefined): string {
  if (variant === 'proxied') return ' proxy_protocol;';
  return tls === undefined ? ';' : ` ssl http2; ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key};`;
}

const verified = (trust: string): string => `proxy_ssl_verify on;
      proxy_ssl_trusted_certificate ${trust};
      proxy_ssl_name localhost;
      proxy_ssl_server_name on;
      proxy_pass https://region;`;

const configOf = ({ folder, region, port, variant, tls, trust }: Setting): string => `${nginxHead(folder, 'nginx')}
http {
${nginxFolders(folder, 'nginx')}
  access_log off;
  client_header_timeout ${patience(variant)}s;
  client_body_timeout ${patience(variant)}s;
  send_timeout ${patience(variant)}s;
  reset_timedout_connection on;
  limit_req_zone $binary_remote_addr zone=clients:10m rate=${PER_MINUTE}r/m;
  limit_req_status 429;
  limit_conn_zone $binary_remote_addr zone=connections:10m;
  limit_conn_status 503;
  upstream region { server 127.0.0.1:${region}; keepalive 16; }
  server {
    listen 127.0.0.1:${port}${listenOf(variant, tls)}
    ${variant === 'bounded' ? BOUNDED : 'keepalive_requests 1000;'}
    ${SENDER[variant] ?? ''}
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
      ${trust === undefined ? 'proxy_pass http://region;' : verified(trust)}
    }
  }
}
`;

export const nginx: Candidate = peer({
  name: 'nginx',
  command: 'nginx',
  packaged: 'nginx-light',
  softStop: 'SIGQUIT',
  askVersion: '-v',
  config: ['nginx.conf', configOf],
  args: (file, folder) => ['-c', file, '-p', folder, '-e', 'stderr'],
  lacks: (variant) => (variant === 'metrics' ? 'it has no series' : undefined),
});
