// Two regions that answer at once: nginx, so that they are never the bottleneck; a plain Node server where it is missing.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Listening, launch, launchOn } from './child.ts';
import { isInstalled } from './machine.ts';
import { nginxFolders, nginxHead } from './nginx.ts';

export interface Upstreams extends AsyncDisposable {
  readonly engine: 'nginx' | 'node';
  /** Ports. */
  readonly us: number;
  readonly eu: number;
}

/** `return` answers when the body was read and thrown away; $request_id is 32 random hex digits, a key of its own. */
function regionOf(region: string, port: number): string {
  const keys = '"secret_key":"s$request_id","metadata_key":"m$request_id","ttl":3600,"metadata_ttl":7200';
  return `  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /api/v1/authcheck { return 200 '{"status":"nominal","locale":"en"}'; }
    location / { return 200 '{"region":"${region}",${keys},"value":"the launch code is 0000"}'; }
  }`;
}

function nginxFile(folder: string, regions: readonly string[], ports: readonly number[]): string {
  return `${nginxHead(folder, 'upstream')}
http {
${nginxFolders(folder, 'upstream')}
  access_log off;
  default_type application/json;
${regions.map((region, at) => regionOf(region, ports[at] ?? 0)).join('\n')}
}
`;
}

/** As many regions as names, in one nginx: their ports, in order. */
export function startRegions(folder: string, core: number | undefined, names: readonly string[]): Promise<Listening> {
  const file = join(folder, 'upstream.conf');
  return launchOn(names.length, (ports) => {
    writeFileSync(file, nginxFile(folder, names, ports));
    return launch('nginx', ['-c', file, '-p', folder, '-e', 'stderr'], { name: 'upstream', folder, core });
  });
}

/** @param engine undefined: nginx where it is installed */
export async function startUpstreams(
  folder: string,
  core: number | undefined,
  engine: Upstreams['engine'] = isInstalled('nginx') ? 'nginx' : 'node',
): Promise<Upstreams> {
  const options = { name: 'upstream', folder, core };
  if (engine === 'nginx') {
    const listening = await startRegions(folder, core, ['us', 'eu']);
    const [us = 0, eu = 0] = listening.ports;
    return { engine, us, eu, [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose]() };
  }
  const program = fileURLToPath(new URL('upstream-child.ts', import.meta.url));
  const child = launch(process.execPath, [program], options);
  const [, us, eu] = await child.says(/listening on (\d+) (\d+)\n/);
  return { engine, us: Number(us), eu: Number(eu), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}
