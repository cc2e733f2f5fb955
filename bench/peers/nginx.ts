// nginx doing the like: region by Basic user, credentials required on private routes, anonymous callers limited, access log.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, launchOn } from '../lib/child.ts';
import { isInstalled } from '../lib/machine.ts';
import { nginxFolders, nginxHead } from '../lib/nginx.ts';
import { ACCOUNTS } from '../lib/workloads.ts';
import { type Contestant, PRIVATE, type Setting } from './contestant.ts';

function nginxFile({ folder, upstreams, refusing }: Setting, port: number): string {
  const users = ACCOUNTS.map(({ name, region }) => `    "${name}" ${region};`).join('\n');
  return `${nginxHead(folder, 'nginx')}
http {
${nginxFolders(folder, 'nginx')}
  access_log ${folder}/nginx-access.log;
  map $remote_user $region {
    "" us;
${users}
    default nobody;
  }
  map $remote_user $anonymous {
    "" $binary_remote_addr;
    default "";
  }
  limit_req_zone $anonymous zone=anonymous:10m rate=${refusing ? '1r/m' : '1000000r/s'};
  limit_req_status 429;
  limit_req_log_level info;
  upstream us { server 127.0.0.1:${upstreams.us}; keepalive 256; keepalive_requests 1000000000; }
  upstream eu { server 127.0.0.1:${upstreams.eu}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr;
    if ($region = nobody) { return 401; }
    location ~ ^/api/v[12]/(${PRIVATE.join('|')})(/|$) {
      if ($remote_user = "") { return 401; }
      proxy_pass http://$region;
    }
    location /api/ {
      limit_req zone=anonymous burst=${refusing ? 1 : 100000} nodelay;
      proxy_pass http://$region;
    }
  }
}
`;
}

export const nginx: Contestant = {
  name: 'nginx',
  about: 'nginx with regions, credentials, limit, access log',
  missing: isInstalled('nginx') ? undefined : 'apt-get install nginx-light',
  policy: 'all',
  takes: () => true,
  start(setting) {
    const { folder, core } = setting;
    const file = join(folder, 'nginx.conf');
    return launchOn(1, ([port = 0]) => {
      writeFileSync(file, nginxFile(setting, port));
      return launch('nginx', ['-c', file, '-p', folder, '-e', 'stderr'], { name: 'nginx', folder, core });
    });
  },
};
