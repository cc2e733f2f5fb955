// Caddy doing the like, but for limits, which need a module that Debian's build does not have: region by Basic user,
// credentials required on private routes, access log.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, launchOn } from '../lib/child.ts';
import { isInstalled } from '../lib/machine.ts';
import { ACCOUNTS } from '../lib/workloads.ts';
import { type Contestant, PRIVATE, type Setting } from './contestant.ts';

function caddyFile({ folder, upstreams }: Setting, port: number): string {
  const users = ACCOUNTS.map(({ authorization, region }) => `    "${authorization}" 127.0.0.1:${upstreams[region]}`);
  const paths = PRIVATE.flatMap((segment) => [1, 2].map((version) => `/api/v${version}/${segment}*`));
  return `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  log {
    output file ${folder}/caddy-access.log {
      roll_disabled
    }
  }
  map {header.Authorization} {upstream} {
    "" 127.0.0.1:${upstreams.us}
${users.join('\n')}
    default nobody
  }
  @anonymous {
    path ${paths.join(' ')}
    not header Authorization *
  }
  respond @anonymous 401
  @unknown expression {upstream} == "nobody"
  respond @unknown 401
  reverse_proxy {upstream} {
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`;
}

export const caddy: Contestant = {
  name: 'caddy',
  about: 'Caddy with regions, credentials, access log; without limits',
  missing: isInstalled('caddy') ? undefined : 'apt-get install caddy',
  policy: 'no-limits',
  takes: ({ status }) => status === 200,
  start(setting) {
    const { folder, core } = setting;
    const file = join(folder, 'Caddyfile');
    const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    return launchOn(1, ([port = 0]) => {
      writeFileSync(file, caddyFile(setting, port));
      const args = ['run', '--config', file, '--adapter', 'caddyfile'];
      return launch('caddy', args, { name: 'caddy', folder, core, env });
    });
  },
};
