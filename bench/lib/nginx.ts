// What every nginx of a measurement begins with: in the foreground, one worker, everything in our own folder.

/** @param name of the process id's file */
export function nginxHead(folder: string, name: string): string {
  // As root its worker would become another user, who may not enter the folder.
  const user = process.getuid?.() === 0 ? 'user root;\n' : '';
  return `${user}daemon off;
worker_processes 1;
pid ${folder}/${name}.pid;
error_log stderr warn;
events { worker_connections 8192; }`;
}

export function nginxFolders(folder: string, name: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `  ${what}_temp_path ${folder}/${name}-${what};`,
  );
  return `${paths.join('\n')}
  keepalive_requests 1000000000;
  client_max_body_size 8m;
  client_body_buffer_size 1m;
  server_tokens off;`;
}
