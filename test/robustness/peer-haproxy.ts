// HAProxy before an API, as somebody has it who knows its manual.
import { isLimited, PER_MINUTE, patience, peer, type Setting } from './peer.ts';
import { BOUNDS, type Candidate, TIME_SECONDS, type Variant } from './subjects.ts';

const BOUNDED = `  timeout http-keep-alive ${BOUNDS.idleSeconds}s
  http-request return status 414 if { url,length gt ${BOUNDS.targetBytes} }
  http-request deny deny_status 413 if { req.body_size gt ${BOUNDS.bodyBytes} }
  stick-table type ipv6 size 100k expire 1m store conn_cur
  tcp-request connection track-sc1 src
  tcp-request connection reject if { sc1_conn_cur gt ${BOUNDS.connectionsAnAddress} }
`;

const SENDER: Partial<Record<Variant, string>> = {
  behind: '  http-request set-src req.hdr_ip(x-forwarded-for)\n',
  proxied: '  tcp-request connection expect-proxy layer4 if { src 127.0.0.1 }\n',
};

const LIMIT = `  stick-table type ipv6 size 100k expire 1m store http_req_rate(1m)
  http-request track-sc0 src,ipmask(32,64)
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt ${PER_MINUTE} }
`;

const metricsOf = (port: number): string => `frontend metrics
  bind 127.0.0.1:${port}
  http-request use-service prometheus-exporter if { path /metrics }
`;

const verified = (trust: string): string =>
  ` ssl verify required ca-file ${trust} sni str(localhost) verifyhost localhost`;

const configOf = ({ region, port, metricsPort, variant, tls, trust }: Setting): string => `global
  maxconn ${variant === 'crowded' ? BOUNDS.connections : 8192}
  ${variant === 'bounded' ? `tune.http.maxhdr ${BOUNDS.headerCount}` : ''}
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
${SENDER[variant] ?? ''}${isLimited(variant) ? LIMIT : ''}${variant === 'bounded' ? BOUNDED : ''}\
  http-request deny deny_status 405 if METH_TRACE
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Real-IP %[src]
  http-request del-header X-Client-IP
  http-request del-header X-Forwarded-Host
  http-request del-header Forwarded
  http-request return status 404 unless { path_beg /api/ }
  default_backend region
backend region
  server region 127.0.0.1:${region}${trust === undefined ? '' : verified(trust)}
${metricsPort === undefined ? '' : metricsOf(metricsPort)}`;

export const haproxy: Candidate = peer({
  name: 'HAProxy',
  command: 'haproxy',
  packaged: 'haproxy',
  softStop: 'SIGUSR1',
  askVersion: '-v',
  config: ['haproxy.cfg', configOf],
  args: (file) => ['-db', '-f', file],
});
