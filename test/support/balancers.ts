// Debian's load balancers, as programs in front of a gateway.
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { type Listening, launch, launchOn } from '../../bench/lib/child.ts';
import { nginxHead } from '../../bench/lib/nginx.ts';
import { needs } from './needs.ts';

const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

export const hasHaproxy = needs('haproxy', 'apt-get install haproxy');
/** With the module that passes connections on, which Debian has in a package of its own. */
export const hasNginxStream =
  needs('nginx', 'apt-get install nginx-light') &&
  (existsSync(STREAM_MODULE) || needs(STREAM_MODULE, 'apt-get install libnginx-mod-stream'));

/**
 * @param folder for its files
 * @param text of its configuration, for the port that it is to listen on
 */
export function startHaproxy(folder: string, text: (port: number) => string): Promise<Listening> {
  return launchOn(1, ([port = 0]) => {
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, text(port));
    return launch('haproxy', ['-db', '-f', file], { name: 'haproxy', folder, core: undefined });
  });
}

/** As above; the text begins with its `stream`. */
export function startNginxStream(folder: string, text: (port: number) => string): Promise<Listening> {
  return launchOn(1, ([port = 0]) => {
    const file = join(folder, 'nginx.conf');
    writeFileSync(file, `load_module ${STREAM_MODULE};\n${nginxHead(folder, 'nginx')}\n${text(port)}`);
    const args = ['-c', file, '-p', folder, '-e', 'stderr'];
    return launch('nginx', args, { name: 'nginx', folder, core: undefined });
  });
}

/**
 * One request for a status of us to secrets.example, in TLS.
 * @param from an address of 127.0.0.0/8
 * @param ca authority of its certificate
 * @returns the whole answer
 */
export function askTls(port: number, from: string, ca: Buffer): Promise<string> {
  const below = connect({ host: '127.0.0.1', port, localAddress: from });
  const socket = connectTls({ socket: below, servername: 'secrets.example', ca });
  return new Promise((settle, reject) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    below.once('error', reject);
    socket.once('error', reject).once('close', () => settle(text));
    socket.write('GET /us/api/v1/status HTTP/1.1\r\nHost: secrets.example\r\nConnection: close\r\n\r\n');
  });
}
