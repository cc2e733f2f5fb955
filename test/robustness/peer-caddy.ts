// Caddy before an API, as somebody has it who knows its manual.
import { patience, peer, type Setting } from './peer.ts';
import { BOUNDS, type Candidate, TIME_SECONDS, type Variant } from './subjects.ts';

const BODY_BOUND = `request_body {
      max_size ${BOUNDS.bodyBytes}
    }`;

function sitesOf({ port, metricsPort, tls }: Setting): string {
  if (tls !== undefined) return `https://localhost:${port}`;
  return metricsPort === undefined ? `http://127.0.0.1:${port}, http://gateway:${port}` : `http://:${port}`;
}

/** Whatever names another host: Caddy answers that with an empty 200 by itself. */
function elsewhere({ port, metricsPort, tls }: Setting): string {
  if (metricsPort !== undefined) return '';
  const site = `${tls === undefined ? 'http' : 'https'}://:${port}`;
  const certified = tls === undefined ? '' : `tls ${tls.cert} ${tls.key}`;
  return `${site} {\n  bind 127.0.0.1\n  ${certified}\n  respond 421\n}\n`;
}

const verified = (trust: string): string => `tls
        tls_trusted_ca_certs ${trust}
        tls_server_name localhost`;

const configOf = (setting: Setting): string => `{
  admin ${setting.metricsPort === undefined ? 'off' : `127.0.0.1:${setting.metricsPort}`}
  auto_https off
  servers {
    ${setting.metricsPort === undefined ? '' : 'metrics'}
    timeouts {
      read_header ${patience(setting.variant)}s
      read_body ${patience(setting.variant)}s
      write ${2 * patience(setting.variant)}s
      ${setting.variant === 'bounded' ? `idle ${BOUNDS.idleSeconds}s` : ''}
    }
  }
}
${sitesOf(setting)} {
  bind 127.0.0.1
  ${setting.tls === undefined ? '' : `tls ${setting.tls.cert} ${setting.tls.key}`}
  handle /api/* {
    ${setting.variant === 'bounded' ? BODY_BOUND : ''}
    reverse_proxy 127.0.0.1:${setting.region} {
      header_up X-Real-IP {remote_host}
      header_up -X-Client-IP
      header_up -Forwarded
      buffer_requests
      max_buffer_size 8MB
      transport http {
        ${setting.trust === undefined ? '' : verified(setting.trust)}
        dial_timeout ${TIME_SECONDS}s
        response_header_timeout ${TIME_SECONDS}s
        read_timeout ${TIME_SECONDS}s
      }
    }
  }
  respond 404
}
${elsewhere(setting)}`;

const LACKS: Partial<Record<Variant, string>> = {
  limits: 'Debian’s build has no limits',
  behind: 'Debian’s build has no limits',
  proxied: 'Debian’s build has no PROXY protocol',
};

export const caddy: Candidate = peer({
  name: 'Caddy',
  command: 'caddy',
  packaged: 'caddy',
  softStop: 'SIGTERM',
  askVersion: 'version',
  config: ['Caddyfile', configOf],
  args: (file) => ['run', '--config', file, '--adapter', 'caddyfile'],
  lacks: (variant) => LACKS[variant],
});
