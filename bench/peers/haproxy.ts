// HAProxy doing the like: region by Basic user, credentials required on private routes, anonymous callers limited, access
// log.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, launchOn } from '../lib/child.ts';
import { isInstalled } from '../lib/machine.ts';
import { ACCOUNTS } from '../lib/workloads.ts';
import { type Contestant, PRIVATE, type Setting } from './contestant.ts';

function haproxyFile({ folder, upstreams, refusing }: Setting, port: number): string {
  return `global
  maxconn 4096
  nbthread 1
  log stdout format raw local0 info
defaults
  mode http
  log global
  option httplog
  option forwardfor
  timeout client 60s
  timeout server 60s
  timeout connect 3s
  http-reuse always
frontend public
  bind 127.0.0.1:${port} backlog 4096
  stick-table type ip size 100k expire 1h store http_req_rate(1h)
  http-request set-var(txn.user) req.hdr(authorization),word(2,\\ ),b64dec,word(1,:)
  http-request set-var(txn.region) var(txn.user),map_str(${folder}/haproxy-users.map,nobody)
  acl anonymous req.hdr(authorization) -m len 0
  acl anonymous req.hdr_cnt(authorization) eq 0
  acl private path_reg ^/api/v[12]/(${PRIVATE.join('|')})(/|$)
  http-request return status 401 hdr WWW-Authenticate Basic if private anonymous
  http-request return status 401 hdr WWW-Authenticate Basic if !anonymous { var(txn.region) -m str nobody }
  http-request track-sc0 src if anonymous
  http-request deny deny_status 429 if anonymous { sc_http_req_rate(0) gt ${refusing ? 1 : 4_000_000_000} }
  use_backend eu if { var(txn.region) -m str eu }
  default_backend us
backend us
  server us 127.0.0.1:${upstreams.us} pool-max-conn 256
backend eu
  server eu 127.0.0.1:${upstreams.eu} pool-max-conn 256
`;
}

export const haproxy: Contestant = {
  name: 'haproxy',
  about: 'HAProxy with regions, credentials, limit, access log',
  missing: isInstalled('haproxy') ? undefined : 'apt-get install haproxy',
  policy: 'all',
  takes: () => true,
  start(setting) {
    const { folder, core } = setting;
    const file = join(folder, 'haproxy.cfg');
    const users = ACCOUNTS.map(({ name, region }) => `${name} ${region}\n`).join('');
    writeFileSync(join(folder, 'haproxy-users.map'), users);
    return launchOn(1, ([port = 0]) => {
      writeFileSync(file, haproxyFile(setting, port));
      return launch('haproxy', ['-db', '-f', file], { name: 'haproxy', folder, core });
    });
  },
};
